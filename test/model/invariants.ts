/**
 * What must hold in every schedule, put together: of P2 to P21 all that one state or one step can break. How
 * often something happens (P1, P12 to P14) is judged by the families that name it.
 */
import { createFacts, type Context, type Facts, type FactsParts } from "./facts.ts";
import { type Calling, judgeCalls } from "./judge-calls.ts";
import { type Ends, judgeEnds } from "./judge-ends.ts";
import { judgeRecords } from "./judge-records.ts";
import { judgeSpending, type Watch } from "./judge-spending.ts";
import { URLS } from "./addresses.ts";
import type { Call } from "./network.ts";
import type { Place } from "./world.ts";

export interface Invariants extends Calling, Ends {
  readonly facts: Facts;
  tokenRequest(place: Place, url: string, body: string): Watch;
  /** The server has proved that it processed nothing. */
  unprocessed(body: string, retryAfter: number | undefined): void;
  /** A context has heard what an endpoint says to a token. */
  answered(call: Call, access: string, status: number): void;
  clockStep(by: number): void;
  evict(): void;
  goBack(): void;
  fulfilled(expected: "200" | "any", call: Call): void;
  report(error: unknown): void;
  check(): void;
}

const refreshTokenOf = (body: string): string | undefined =>
  (JSON.parse(body) as { refresh_token?: string }).refresh_token;

export function createInvariants(parts: FactsParts): Invariants {
  const facts = createFacts(parts);
  const { world, stores } = parts;
  judgeRecords(facts);
  const spending = judgeSpending(facts);
  const calling = judgeCalls(facts);
  const ends = judgeEnds(facts);

  return {
    ...calling,
    ...ends,
    facts,
    report: facts.report,
    check: facts.check,
    tokenRequest(place, url, body) {
      world.trace(place, () => `asks ${url.split("/").at(-1)} ${body}`);
      if (url === URLS.revoke) {
        ends.revokeRequest(place, (JSON.parse(body) as { token: string }).token);
        return spending.watch(place, undefined);
      }
      // A sign-out from before the end tells the server within an exchange's time (S14).
      const since = world.now() - Math.max(place.closedAt, place.disturbedAt);
      const isOfSignOut = url === URLS.logout && facts.signedOut.has(place) && since < 35_000;
      if (world.now() > place.closedAt && !isOfSignOut)
        facts.violate("P21.request", "F50: a closed vault asked the token endpoint");
      const token = url === URLS.refresh ? refreshTokenOf(body) : undefined;
      const entry = token === undefined ? undefined : spending.tokenRequest(place, token);
      return spending.watch(place, entry);
    },
    unprocessed(body, retryAfter) {
      const entry = facts.presented.get(refreshTokenOf(body) ?? "")?.at(-1);
      if (!entry) return;
      entry.isUnprocessed = true;
      entry.retryAfter = retryAfter === undefined ? undefined : retryAfter * 1_000;
    },
    answered({ endpoint, place, isProxied, owner }, access, status) {
      // A proxy cannot be asked: its owner knows that it had the token.
      const witness = isProxied ? owner : place;
      if (status === 200)
        facts.passed.set(access, [
          ...(facts.passed.get(access) ?? []),
          { at: world.now(), endpoint, witness },
        ]);
      if (status === 401)
        facts.rejected.set(access, [
          ...(facts.rejected.get(access) ?? []),
          { at: world.now(), endpoint, isProxied },
        ]);
    },
    clockStep(by) {
      facts.hasSetClock ||= by !== 0;
      facts.isClockUnsure ||= by !== 0;
    },
    evict() {
      facts.hasEvicted = true;
      for (const { device } of world.places)
        for (const [key, { sessionId }] of stores.recordsOf(device)) {
          facts.gone.set(sessionId, world.now());
          stores.recordsOf(device).delete(key);
        }
    },
    /** The store has lost the last writes, and shows what the session was before. */
    goBack() {
      const records = stores.recordsOf(0);
      const [key, found] = [...records][0] ?? [];
      const earlier = facts.written.filter(
        ({ device, key: other, record: { sessionId, revision } }) =>
          device === 0 &&
          other === key &&
          sessionId === found?.sessionId &&
          revision < found.revision &&
          !found.tombstone,
      );
      const chosen = earlier[Math.floor(world.random() * earlier.length)];
      if (key === undefined || !chosen) return;
      facts.hasGoneBack = true;
      records.set(key, chosen.record);
    },
    fulfilled(expected, { status, code }) {
      if (expected === "200" && status !== 200)
        facts.violate("P17.lost", `a session was lost: ${status ?? code}`);
      facts.check();
    },
  };
}

export type { Context };
