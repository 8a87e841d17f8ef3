/** A family of schedules: what is drawn, how large a part of all it gets, and what it wants besides. */
import type fc from "fast-check";
import type { Scenario } from "./scenario.ts";
import type { Run } from "./simulation.ts";
import { Violation } from "./violation.ts";

export interface Family {
  /** In words what must hold, and the numbers that it proves. */
  readonly title: string;
  /** Its part of all schedules, as a weight; 1 where it says nothing. */
  readonly share?: number;
  readonly schedules: fc.Arbitrary<Scenario>;
  /** What must hold of the whole run, beside the invariants. */
  readonly judge?: (run: Run, scenario: Scenario) => void;
}

export function must(isSo: boolean, text: string): void {
  if (!isSo) throw new Violation("family", text);
}

/** Every call got 200. */
export function mustServe({ calls }: Pick<Run, "calls">): void {
  const bad = calls.filter(({ status }) => status !== 200);
  const said = [...new Set(bad.map(({ status, code }) => status ?? code))];
  must(!bad.length, `${bad.length} of ${calls.length} calls failed: ${said.join(", ")}`);
}

export function mustSpend({ tokenCalls }: Pick<Run, "tokenCalls">, times: number): void {
  must(tokenCalls.length === times, `${tokenCalls.length} token calls instead of ${times}`);
}
