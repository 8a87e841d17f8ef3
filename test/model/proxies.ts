/**
 * Contexts without an engine: each call runs the steps of `vault.fetch` that ship, over a source that asks
 * another context. A question and its answer are on their way for a moment.
 */
import { createFetch } from "../../src/request/fetch.ts";
import { createPolicy } from "../../src/request/policy.ts";
import { presentationOf } from "../../src/request/presentation.ts";
import type { AccessToken, Provider, TokenNeed, TokenSource } from "../../src/types.ts";
import type { VaultFetch } from "../../src/request/contract.ts";
import type { Place, World } from "./world.ts";

/** Who answers a proxy's questions. */
export interface Owner {
  readonly place: Place;
  readonly source: TokenSource;
}

export interface ProxyParts {
  readonly world: World;
  readonly place: Place;
  readonly provider: Provider<never>;
  readonly fetch: typeof fetch;
  /** As of now: an owner may die, and another context takes its place. */
  readonly owner: () => Owner | undefined;
}

/** The longest that a question, or its answer, travels. */
const TRAVEL = 3;

export function createProxyFetch(parts: ProxyParts): VaultFetch {
  const { world, place, provider } = parts;
  /** The last generation that each endpoint let through: its name knows the session. */
  const passed = new Map<string, number>();

  /** What goes to the owner: names, and nothing that only this context knows. */
  function questionOf({ rejected, endpoint, waited, date }: TokenNeed): TokenNeed {
    const named = rejected && { sessionId: rejected.sessionId, generation: rejected.generation };
    const last = endpoint === undefined ? undefined : passed.get(endpoint);
    return { rejected: named, endpoint, passed: last, waited, date, isHandedOn: true };
  }

  function getToken(need: TokenNeed = {}): Promise<AccessToken> {
    const { signal } = need;
    const leaving = new AbortController();
    return new Promise((resolve, reject) => {
      const owner = parts.owner();
      if (!owner) return reject(new TypeError("no owner"));
      const later = (at: Place, done: () => void): void =>
        void world.schedule(at, world.random() * TRAVEL, done);
      // Who is aborted leaves at once, and the owner hears of it later.
      const leave = (): void => {
        reject(signal?.reason as Error);
        later(owner.place, () => leaving.abort());
      };
      signal?.addEventListener("abort", leave);
      const end = (done: () => void): void =>
        later(place, () => {
          signal?.removeEventListener("abort", leave);
          done();
        });
      later(owner.place, () => {
        const asked = { ...questionOf(need), signal: leaving.signal };
        Promise.resolve(owner.source.getToken(asked)).then(
          ({ accessToken, sessionId, generation }) =>
            end(() => resolve({ accessToken, sessionId, generation, isWatched: true })),
          (error: unknown) => end(() => reject(error as Error)),
        );
      });
    });
  }

  return createFetch({
    policy: createPolicy(provider),
    source: { getToken, passed: (endpoint, { generation }) => passed.set(endpoint, generation) },
    presentation: presentationOf(provider),
    fetch: parts.fetch,
    isSelfSigned: provider.renewal?.selfSigned,
    running: world.clockOf(place).running,
  });
}
