/** The object's part of the cache: it tells KV what an edge may serve, seldom and in order. */
import type { Engine } from "../refresh/contract.ts";
import type { Clock } from "../types.ts";
import { CACHED, LEAST, type TokenCache } from "./cache.ts";
import type { Lease } from "./wire.ts";

/** KV takes one write a second and key. */
const PACE = 1_100;
/** How often the object is asked before a token that KV has lost goes there again. */
const HOT = 10;

export interface Publisher {
  /** Puts the present state into KV, if that is news there. Nobody waits for it. */
  (wasAsked?: boolean): void;
}

/** What an edge may be told now, and until when it may serve it. */
export function leaseOf(engine: Engine): Lease | undefined {
  const { session, status } = engine.state();
  if (!session || status === "sign-in-required") return undefined;
  const { sessionId, generation, issuedAt, tokenSet } = session;
  const { accessToken, expiresAt } = tokenSet;
  const until = expiresAt && expiresAt - Math.min(30_000, (expiresAt - issuedAt) / 10);
  return { accessToken, sessionId, generation, until };
}

/** `due` is a sign-out that KV has still to hear of, durably noted; `revision` is the record's. */
export function createPublisher(
  engine: Engine,
  cache: TokenCache | undefined,
  id: string,
  clock: Clock,
  waitUntil: (promise: Promise<unknown>) => void,
  due: { is(): boolean; done(): Promise<void> },
  revision: () => Promise<number>,
): Publisher {
  let publishing = false;
  let publishedAt = -Infinity;
  let published: string | undefined;
  let asked = 0;

  async function spread(to: TokenCache): Promise<void> {
    for (;;) {
      const now = clock.now();
      const lease = leaseOf(engine);
      const { session, persisted } = engine.state();
      const until = Math.min(lease?.until ?? Infinity, now + CACHED);
      const ended = !session && due.is();
      const name = ended ? "ended" : lease && `${lease.sessionId} ${lease.generation}`;
      // The object has rested: what it finds was told when it came, unless it came just now.
      if (!ended && session && !(now - session.issuedAt < LEAST)) published ??= name;
      const age = now - publishedAt;
      // A write costs as much as thirty questions to the object.
      const wanted = name !== published || (asked > HOT && !(age >= 0 && age < CACHED / 2));
      // KV keeps everything for a minute at least: what ends sooner is not for it.
      if (!wanted || !(ended || (lease && persisted && until - now > LEAST))) return;
      if (age >= 0 && age < PACE) {
        await new Promise<void>((resolve) => clock.setTimeout(resolve, PACE - age));
        continue;
      }
      const at = session?.revision ?? (await revision());
      published = name;
      publishedAt = now;
      asked = 0;
      await to.write(id, ended ? { revision: at } : { revision: at, lease: { ...lease!, until } });
      if (ended && !engine.state().session) await due.done();
    }
  }

  return (wasAsked) => {
    if (wasAsked) asked++;
    if (!cache || publishing) return;
    publishing = true;
    waitUntil(
      spread(cache)
        .catch(() => {
          // Readers come here instead; a sign-out is told again by the alarm.
          published = "";
        })
        .finally(() => {
          publishing = false;
        }),
    );
  };
}
