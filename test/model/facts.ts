/** What has happened in a schedule so far, as everything that judges it needs to know it. */
import type { StoredRecord } from "../../src/types.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { LONGEST_MESSAGE } from "./channels.ts";
import { type Body, bodyOf } from "./record.ts";
import { PATIENCE, type Scenario } from "./scenario.ts";
import type { Endpoint, Grants, Server } from "./server.ts";
import type { Stores } from "./stores.ts";
import { type Code, Violation } from "./violation.ts";
import { EPOCH, type Place, type World } from "./world.ts";

/** What an endpoint said longer ago ends no token for a replay. */
const LATELY = 60_000;
/** How long a reply is on its way at the most, and what comes of it until a request leaves. */
const LATEST_REPLY = 2 * PATIENCE + 20_000;

export interface Context {
  readonly place: Place;
  readonly vault: Vault<never>;
}

/** One time that a refresh token was sent. */
export interface Presentation {
  readonly at: number;
  readonly place: Place;
  /** The sender's own, and otherwise the record's, as it then stood. */
  readonly attempt: number;
  /** When its intent became durable: the deadline counts from then at the latest. */
  readonly intentAt: number | undefined;
  isUnprocessed: boolean;
  isOver: () => boolean;
  /** `Retry-After` in milliseconds, and when it was heard. */
  retryAfter: number | undefined;
  heardAt: number;
}

/** A sign-in or an adoption. */
export interface Begun {
  readonly place: Place;
  readonly user: string;
  readonly startedAt: number;
  settledAt: number;
  isResolved: boolean;
}

/** A grant that reached a living context. */
export interface Arrival {
  readonly place: Place;
  readonly access: string;
  readonly at: number;
  readonly attempt: number;
}

export interface Heard401 {
  readonly at: number;
  readonly endpoint: number;
  /** Its owner hears of it by a question, which waits while the owner is frozen. */
  readonly isProxied: boolean;
}

export interface FactsParts {
  readonly world: World;
  readonly server: Server;
  readonly scenario: Scenario;
  readonly stores: Stores;
  /** Where an account's record stands. */
  readonly keyOf: (account: string) => string;
}

/** An endpoint that let an access token through, and the context that knows that this may be. */
interface Passed {
  readonly at: number;
  readonly endpoint: number;
  readonly witness: Place | undefined;
}

/** Codes that `isExcused` looks up. `TOKENKEEP_EXCUSE` adds some, to run the model on another engine. */
const TOLD = new Set((process.env["TOKENKEEP_EXCUSE"] ?? "").split(","));

function describe(record: StoredRecord | undefined): string {
  const body = bodyOf(record);
  if (!record || !body) return record ? `tombstone of ${record.sessionId.slice(0, 4)}` : "nothing";
  const { generation, tokenSet, intent, coolDown, refused } = body;
  const intends = intent && `intent ${intent.attempt}${intent.repeated ? " repeated" : ""}`;
  return [
    `${record.sessionId.slice(0, 4)} r${record.revision} g${generation} ${tokenSet.accessToken}`,
    intends,
    coolDown && `cool-down ${coolDown.until - EPOCH}`,
    refused && "refused",
  ]
    .filter(Boolean)
    .join(", ");
}

export function createFacts({ world, server, scenario, stores, keyOf }: FactsParts) {
  const contexts: Context[] = [];
  const facts = {
    world,
    server,
    scenario,
    stores,
    keyOf,
    contexts,
    first: undefined as unknown,
    /** Whether any wall clock is not true time: it was set, or is off from the start. */
    isClockUnsure: scenario.offsets.some((offset) => offset !== 0),
    /** A wall clock was set while contexts ran by it. */
    hasSetClock: false,
    hasEvicted: false,
    hasGoneBack: false,
    written: [] as {
      readonly device: number;
      readonly key: string;
      readonly record: StoredRecord;
    }[],
    presented: new Map<string, Presentation[]>(),
    /** By tombstone. */
    ended: new Map<string, { readonly at: number; readonly place: Place }>(),
    /** By eviction: it reads as signed out, and only its own maker may write it again. */
    gone: new Map<string, number>(),
    signedOut: new Map<Place, Set<string>>(),
    /** What a sign-in had begun at the server, and a tombstone has ended here: by device. */
    left: new Map<Grants, { readonly device: number; readonly at: number }>(),
    /** Until when somebody has asked for a cookie that is there, by device. */
    soughtUntil: new Map<number, number>(),
    /** Contexts in which somebody has asked to sign out, and when. */
    tried: new Map<Place, number>(),
    removals: [] as {
      readonly by: Place;
      readonly device: number;
      readonly account: string;
      readonly startedAt: number;
      settledAt: number;
    }[],
    /** The sessions that a context has told of. */
    heard: new Map<Place, Set<string>>(),
    /** By context and session: when it first told of it. */
    heardAt: new Map<string, number>(),
    /** What a context has told that it could not store. */
    unpersisted: new Map<Place, { readonly sessionId: string; readonly at: number }>(),
    /** By session and generation: when a refresh's or sign-in's record took effect. */
    committedAt: new Map<string, number>(),
    commits: [] as { readonly at: number; readonly place: Place }[],
    changedAt: new Map<string, number>(),
    /** The highest attempt whose grant was stored, by session. */
    attempts: new Map<string, number>(),
    /** Since when a session stands: its first record, or another one's after which it came back. */
    stoodSince: new Map<string, number>(),
    /** When an intent became durable, by attempt. */
    intentAt: new Map<string, number>(),
    /** Whose it is, by attempt. */
    intentBy: new Map<string, Place>(),
    /** The last attempt that each place has begun, and the token that it was to spend. */
    attemptOf: new Map<Place, { readonly attempt: number; readonly token: string | undefined }>(),
    begun: [] as Begun[],
    arrivals: [] as Arrival[],
    /** By access token: endpoints that let it through, and 401s, as contexts heard of them. */
    passed: new Map<string, Passed[]>(),
    rejected: new Map<string, Heard401[]>(),
    sessionByAccess: new Map<string, string>(),
    generationByAccess: new Map<string, number>(),
    sessionByGrants: new Map<Grants, string>(),
    /** When an access token ends, by the record. */
    endByAccess: new Map<string, number>(),
    revokes: [] as { readonly at: number; readonly place: Place; readonly token: string }[],

    violate(code: Code, text: string): void {
      world.trace(undefined, () => `${isExcused(code) ? "excused " : ""}${code}: ${text}`);
      if (!isExcused(code)) facts.first ??= new Violation(code, text);
    },
    report(error: unknown): void {
      if (!(error instanceof Violation && isExcused(error.code))) facts.first ??= error;
    },
    check(): void {
      if (facts.first !== undefined) throw facts.first;
    },
    recordOf: (place: Pick<Place, "device" | "account">): StoredRecord | undefined =>
      stores.recordsOf(place.device).get(keyOf(place.account)),
    wallOf: (place: Place): number => EPOCH + Math.floor(world.now() + place.offset),
    isAway: ({ isCrashed, isFrozen, closedAt }: Place): boolean =>
      isCrashed || isFrozen || closedAt < Infinity,
    isNeighbour: (a: Place, b: Pick<Place, "device" | "account">): boolean =>
      a.device === b.device && a.account === b.account,
    /** By what a sign-in began, so that a token that was never stored is known for its session's too. */
    sessionOf(access: string): string | undefined {
      const grants = server.byAccess.get(access)?.grants;
      return grants && facts.sessionByGrants.get(grants);
    },
    /** The refresh token of a session: its record's, or the cookie that came with its access token. */
    refreshOf(body: Body | undefined): string | undefined {
      if (scenario.provider !== "cookie") return body?.tokenSet.refreshToken;
      return server.byAccess.get(body?.tokenSet.accessToken ?? "")?.refresh;
    },
    /**
     * What was sent for an account since an intent became durable. A cookie's attempt may wait in vain, and sends
     * what is there.
     */
    sentSince(attemptId: string): Presentation[] {
      const by = facts.intentBy.get(attemptId);
      const since = facts.intentAt.get(attemptId) ?? Infinity;
      return [...facts.presented.values()]
        .flat()
        .filter(({ at, place }) => at >= since && by && facts.isNeighbour(place, by));
    },
    opOf: (grants: Grants | undefined): Begun | undefined =>
      facts.begun.find(({ user }) => user === grants?.user),
    endpoint: (number: number): Endpoint | undefined => scenario.endpoints[number],
    /** How long ago a fence's answer may have been given that is acted upon now. */
    allowance: (place: Place): number => 1_100 + place.travel + stores.rules.lag,
    /**
     * Whether a 401 has ended this access token for a last chance: the endpoint had let it through, or
     * said 401 twice, at least 10 s apart; or once, that long ago, and nobody who can be asked has seen
     * any endpoint let it through.
     */
    isEndedBy401(access: string, sender: Place): boolean {
      const passed = facts.passed.get(access) ?? [];
      const said = facts.rejected.get(access) ?? [];
      // Who sees it while it is being asked tells so, by a message that travels.
      const hasWitness = passed.some(
        ({ at, witness }) =>
          witness === sender ||
          (witness &&
            at < world.now() - LONGEST_MESSAGE &&
            facts.isNeighbour(witness, sender) &&
            !facts.isSilent(witness)),
      );
      const isLong = (first: Heard401, at: number): boolean => at - first.at >= 9_990;
      // What was said long ago is asked once more. A reply may be heard long after it was given.
      const isLately = said.some(
        ({ at, isProxied }) =>
          isProxied || sender.disturbedAt >= at || world.now() - at < LATELY + LATEST_REPLY,
      );
      if (!isLately) return false;
      return said.some(
        ({ endpoint, at, isProxied }, index) =>
          passed.some((one) => one.endpoint === endpoint) ||
          (!hasWitness && world.now() - at >= 9_990) ||
          said.some(
            (other, first) =>
              first < index &&
              other.endpoint === endpoint &&
              (isLong(other, at) ||
                (isProxied && sender.disturbedAt >= at && isLong(other, world.now()))),
          ),
      );
    },
    /** Whether this context may have missed a question that was asked just now. */
    isSilent: (place: Place): boolean =>
      facts.isAway(place) || world.now() - place.disturbedAt < 1_500,
  };

  /**
   * A store that broke its word: who sees a spent token there may send it. One that does not compare
   * and set lets two contexts both begin, and shows the past. Other families play these unexcused.
   */
  function isExcused(code: Code): boolean {
    if (TOLD.has(code)) return true;
    const [number = ""] = code.split(".");
    if (facts.hasGoneBack) {
      if (/^(P[2-9]|P16|P18|P19|P20|F33)$/.test(number) || code === "P15.floor") return true;
      if (scenario.rotation !== "none" && number === "P17") return true;
    }
    if (stores.rules.isAtomic) return false;
    // A refresh that compares with the past writes over a sign-out, and a sign-out is seen late: SECURITY.md (P4).
    const isLoose = /^(P2.living|P4.back|P4.here|P4.elsewhere|P4.stands|P15.floor)$/.test(code);
    return isLoose || /^(P3|P5|P8|P18|P19|P20)$/.test(number);
  }

  // The same for all contexts of a store: what was written, and what it says of whom.
  stores.onWrite.push((place, key, next, previous) => {
    world.trace(place, () => `writes ${key.split("|").at(-1)} ${describe(next)}`);
    if (!next) return;
    facts.written.push({ device: place.device, key, record: next });
    if (next.sessionId !== previous?.sessionId) facts.stoodSince.set(next.sessionId, world.now());
    const body = bodyOf(next);
    const attemptId = body?.intent?.attemptId;
    if (attemptId !== undefined && !facts.intentAt.has(attemptId)) {
      facts.intentAt.set(attemptId, world.now());
      facts.intentBy.set(attemptId, place);
      const { attempt = 0 } = body?.intent ?? {};
      facts.attemptOf.set(place, { attempt, token: facts.refreshOf(body) });
    }
    const granted = body && server.byAccess.get(body.tokenSet.accessToken);
    if (!granted) return;
    const highest = facts.attempts.get(next.sessionId) ?? 0;
    facts.attempts.set(next.sessionId, Math.max(highest, body.attempt));
    facts.sessionByAccess.set(granted.access, next.sessionId);
    facts.generationByAccess.set(granted.access, body.generation);
    facts.sessionByGrants.set(granted.grants, next.sessionId);
    facts.endByAccess.set(granted.access, body.tokenSet.expiresAt ?? Infinity);
  });
  return facts;
}

export type Facts = ReturnType<typeof createFacts>;
