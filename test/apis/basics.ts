/** What every test API begins with: switches that a test turns, the clock that they move, counters, faults. */
import type { ApiOptions, ApiSwitches } from "./contract.ts";
import { type Counting, createCounting } from "./counters.ts";
import { createFaults, type Faults } from "./faults.ts";

/** The switches whose defaults are the same for all. */
type Common = "clockOffset" | "rateLimit" | "ipBlocked";

export interface Basics<Switches, Kind extends string> {
  /** As they are now. */
  readonly switches: Switches;
  set(changes: Partial<Switches>): void;
  readonly now: () => number;
  readonly counting: Counting;
  readonly faults: Faults<Kind>;
}

/** `defaults` are the API's own. */
export function createBasics<Switches extends ApiSwitches, Kind extends string>(
  options: Partial<Switches> & Pick<ApiOptions, "now" | "sleep">,
  defaults: Omit<Switches, Common>,
): Basics<Switches, Kind> {
  const { now: clock = () => Date.now(), sleep, ...given } = options;
  const common: Pick<ApiSwitches, Common> = {
    clockOffset: 0,
    rateLimit: "unlimited",
    ipBlocked: false,
  };
  const switches = { ...common, ...defaults, ...given } as unknown as Switches;
  return {
    switches,
    set: (changes) => void Object.assign(switches, changes),
    now: () => clock() + switches.clockOffset,
    counting: createCounting(),
    faults: createFaults<Kind>(sleep === undefined ? {} : { sleep }),
  };
}
