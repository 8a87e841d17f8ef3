/**
 * The cookie jars of browsers: one for all contexts of a device. A browser takes what a reply sets when its
 * headers come, whatever the page does then, unless the page has given the request up or is gone.
 */
import { URLS } from "./addresses.ts";
import type { Invariants } from "./invariants.ts";
import type { Scenario } from "./scenario.ts";
import type { Reply, Server } from "./server.ts";
import type { Place, World } from "./world.ts";

/** A request that may set the cookie. */
export interface CookieRequest {
  /** What the server gets: the cookie stands among the fields. */
  readonly body: string;
  /** The reply reaches the browser after `delay`, or before the page hears of it. */
  arrives(reply: Reply, delay: number): () => void;
  /** No reply comes, or nobody takes it. */
  end(): void;
}

export interface JarsParts {
  readonly world: World;
  readonly server: Server;
  readonly scenario: Scenario;
  readonly invariants: Invariants;
}

/** After so long a frozen context's request counts for nobody. */
const VISIT = 17_000;

interface Flight {
  readonly place: Place;
  readonly at: number;
}

export function createJars({ world, server, scenario, invariants }: JarsParts) {
  const flights = new Map<number, Set<Flight>>();

  /** Whether a request of another context may still set the cookie of this device. */
  function judgeOverlap(place: Place, flying: ReadonlySet<Flight>): void {
    for (const other of flying) {
      const isOver = other.place.isCrashed || world.now() - other.at > VISIT;
      if (!isOver && other.place !== place)
        invariants.facts.violate("F103.overlap", "two requests at once that set one cookie");
    }
  }

  return {
    /** `undefined` for a request that carries no cookie. */
    send(place: Place, url: string, init: RequestInit): CookieRequest | undefined {
      if (scenario.provider !== "cookie" || init.credentials !== "include") return undefined;
      const { device } = place;
      const flying = flights.get(device) ?? new Set();
      flights.set(device, flying);
      judgeOverlap(place, flying);
      const flight = { place, at: world.now() };
      flying.add(flight);
      const fields = JSON.parse(String(init.body)) as object;
      const cookie = url === URLS.token ? undefined : server.jars.get(device);
      let isOver = false;
      const end = (): void => {
        isOver = true;
        flying.delete(flight);
      };
      return {
        body: JSON.stringify({ ...fields, ...(cookie !== undefined && { refresh_token: cookie }) }),
        end,
        arrives({ status, text }, delay) {
          function take(): void {
            const isTaken = !isOver && !place.isCrashed && status === 200;
            end();
            if (!isTaken) return;
            const set = text.startsWith("{")
              ? (JSON.parse(text) as { refresh_token?: string }).refresh_token
              : undefined;
            if (url === URLS.logout) server.jars.delete(device);
            else if (set !== undefined) server.jars.set(device, set);
            world.trace(place, () => `the jar holds ${server.jars.get(device)}`);
          }
          world.schedule(undefined, delay, take);
          return take;
        },
      };
    },
  };
}
