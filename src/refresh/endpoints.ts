/**
 * How the endpoints of one session have taken its access tokens. A 401 is judged by this evidence: an
 * endpoint that heals may ask for refreshes; one that does not heal is paused, and no other (F42, F43).
 */
import { own } from "../guard/json.ts";

/** The evidence about one endpoint. Times are running time. */
export interface Evidence {
  /** The last generation that the endpoint let through, and when it last did so. */
  readonly passed?: number | undefined;
  readonly passedAt?: number | undefined;
  /** The last generation that the endpoint rejected, and when it did so for the first and the last time. */
  readonly rejected?:
    | {
        readonly generation: number;
        readonly at: number;
        readonly lastAt: number;
        /** The generation was rejected again, after time enough for a passing fault to be over. */
        readonly isConfirmed: boolean;
        /** This 401 may ask for a refresh; otherwise it is returned as it is. */
        readonly mayRefresh: boolean;
      }
    | undefined;
  /** When the endpoint has asked for refreshes lately. */
  readonly began: readonly number[];
  readonly pause?: { readonly until: number; readonly length: number } | undefined;
}

/** By the endpoint's hash. */
export type Endpoints = ReadonlyMap<string, Evidence>;

/** A 401, with the facts by which it is judged. */
export interface Rejection {
  readonly endpoint: string;
  readonly generation: number;
  readonly at: number;
  /** How long ago this generation was committed, as far as this context knows. */
  readonly age: number;
  /** This endpoint's own 401 brought the generation about. */
  readonly isOwn: boolean;
}

/** The name for 401s of other clients. Nothing else is known of it, so that it never lets through. */
export const OTHERS = "";

export const noEndpoints: Endpoints = new Map();

const NOTHING: Evidence = own({ began: [] });

const MINUTE = 60_000;
const SHORTEST_PAUSE = MINUTE;
const LONGEST_PAUSE = 60 * MINUTE;
/** A rejection within this time of its own refresh says that refreshing does not help: tokens live longer. */
const HEALING = MINUTE;
/** More refreshes than so many within so long are no ordinary ends of tokens. */
const MOST_REFRESHES = 10;
const REFRESHES_WITHIN = 10 * MINUTE;
/** A second 401 after this time confirms the first one. */
const CONFIRMED = 10_000;
/** What was rejected longer ago is tried once more before it counts as over. */
const LATELY = MINUTE;
/** How many unhealable endpoints are remembered; of all endpoints, three times as many. */
const MOST_UNHEALABLE = 256;
/** Beyond those, all unknown endpoints count as this one, which may ask for one refresh a minute. */
const STRANGERS = "*";

const evidenceOf = (endpoints: Endpoints, name: string): Evidence => endpoints.get(name) ?? NOTHING;

const isPaused = ({ pause }: Pick<Evidence, "pause">, at: number): boolean =>
  !!pause && at < pause.until;

/** The name under which an endpoint's evidence is kept. */
function nameOf(endpoints: Endpoints, endpoint: string): string {
  if (endpoints.has(endpoint)) return endpoint;
  const unhealable = [...endpoints.values()].filter(({ pause }) => pause).length;
  return unhealable < MOST_UNHEALABLE ? endpoint : STRANGERS;
}

function isUnhealable(evidence: Evidence, rejection: Rejection): boolean {
  const { passed = 0, rejected, began } = evidence;
  const { generation, at, age, isOwn } = rejection;
  const wasRejectedBefore = rejected?.generation === generation - 1 && passed < generation - 1;
  const isFutile = passed < generation && age < HEALING && (isOwn || wasRejectedBefore);
  const recent = began.filter((time) => at - time < REFRESHES_WITHIN);
  return isFutile || recent.length > MOST_REFRESHES;
}

/** Takes a 401 into account, and says whether it may ask for a refresh. */
export function afterRejection(endpoints: Endpoints, rejection: Rejection): Endpoints {
  const { generation, at } = rejection;
  const name = nameOf(endpoints, rejection.endpoint);
  const known = evidenceOf(endpoints, name);
  const { rejected } = known;
  if (rejected && rejected.generation > generation) return endpoints;
  const isRepeated = rejected?.generation === generation;
  const starts = !isRepeated && !isPaused(known, at) && isUnhealable(known, rejection);
  const pause = name !== STRANGERS && starts ? pauseAfter(known, at) : known.pause;
  const isTooSoon = name === STRANGERS && at - (known.began.at(-1) ?? -Infinity) < MINUTE;
  return set(endpoints, name, {
    ...known,
    pause,
    rejected: {
      generation,
      at: isRepeated ? rejected.at : at,
      lastAt: at,
      isConfirmed: isRepeated && (rejected.isConfirmed || at - rejected.at >= CONFIRMED),
      // A pause that is over gives the endpoint another try.
      mayRefresh: !isTooSoon && !isPaused({ pause }, at),
    },
  });
}

function pauseAfter({ pause }: Evidence, at: number): Evidence["pause"] {
  const length = Math.min(LONGEST_PAUSE, pause ? 2 * pause.length : SHORTEST_PAUSE);
  return { until: at + length, length };
}

/** Takes into account that an endpoint let a generation through. */
export function afterPass(
  endpoints: Endpoints,
  endpoint: string,
  { generation, at }: Pick<Rejection, "generation" | "at">,
): Endpoints {
  const name = nameOf(endpoints, endpoint);
  const { passed = 0, passedAt, rejected, pause, began } = evidenceOf(endpoints, name);
  const isHealed = !rejected || generation >= rejected.generation;
  return set(endpoints, name, {
    began,
    passed: Math.max(passed, generation),
    // A late reply to an older generation says nothing about this one.
    passedAt: generation < passed ? passedAt : at,
    // An endpoint heals by letting a generation through that is no older than the last one it rejected.
    rejected: isHealed ? undefined : rejected,
    pause: isHealed ? undefined : pause,
  });
}

/** Takes into account that a refresh began because of an endpoint. */
export function afterBeginning(endpoints: Endpoints, endpoint: string, at: number): Endpoints {
  const name = nameOf(endpoints, endpoint);
  const known = evidenceOf(endpoints, name);
  const began = [...known.began.filter((time) => at - time < REFRESHES_WITHIN), at];
  return set(endpoints, name, { ...known, began });
}

/**
 * Forgets evidence that a new generation has made meaningless; endpoints that do not heal stay known. A
 * 401 with the same number was about another token, whose place this one has taken.
 */
export function afterCommit(endpoints: Endpoints, generation: number, at: number): Endpoints {
  const known = [...endpoints].map(
    ([name, evidence]) =>
      [
        name,
        evidence.rejected?.generation === generation
          ? { ...evidence, rejected: undefined }
          : evidence,
      ] as const,
  );
  const kept = known.filter(([, { rejected, pause, began }]) => {
    const isLately = began.some((time) => at - time < REFRESHES_WITHIN);
    const isPauseKnown = pause && at < pause.until + LONGEST_PAUSE;
    return isPauseKnown || isLately || (rejected && rejected.generation >= generation - 1);
  });
  return new Map(kept);
}

/** Whether a 401 for this generation is returned as it is, without a refresh. */
export function isHeldBack(
  endpoints: Endpoints,
  { endpoint, generation, at }: Pick<Rejection, "endpoint" | "generation" | "at">,
): boolean {
  const known = evidenceOf(endpoints, nameOf(endpoints, endpoint));
  const { rejected } = known;
  return isPaused(known, at) || (rejected?.generation === generation && !rejected.mayRefresh);
}

/** Whether an endpoint has let this generation through since its 401. */
export function isTakenBack(
  endpoints: Endpoints,
  { endpoint, generation }: Pick<Rejection, "endpoint" | "generation">,
): boolean {
  const { rejected } = evidenceOf(endpoints, nameOf(endpoints, endpoint));
  return rejected?.generation !== generation;
}

/** Whether this endpoint has rejected this generation, so that the token is not sent there again. */
export const hasRejected = (
  endpoints: Endpoints,
  { endpoint, generation }: Pick<Rejection, "endpoint" | "generation">,
): boolean => endpoints.get(endpoint)?.rejected?.generation === generation;

/** The endpoint whose 401 asks for a refresh of this generation, if one does. */
export function causeOf(endpoints: Endpoints, generation: number, at: number): string | undefined {
  for (const [name, { rejected, pause }] of endpoints)
    if (rejected?.generation === generation && rejected.mayRefresh && !isPaused({ pause }, at))
      return name;
  return undefined;
}

/** Whether an endpoint has rejected this generation that is not known to reject every one. */
export const isRejected = (endpoints: Endpoints, generation: number): boolean =>
  [...endpoints.values()].some(
    ({ rejected, pause }) => rejected?.generation === generation && !pause,
  );

/**
 * Whether the token has ended, surely enough for a replay that may revoke a token that still works. So it
 * is if an endpoint rejects it that had let it through, or has rejected it for long (by a second 401, or
 * while no endpoint can ever have let it through), and no endpoint has let it through since. Only the word
 * of lately counts: later, the token may be good for the endpoint that is asked then.
 */
export const isSurelyOver = (
  endpoints: Endpoints,
  {
    generation,
    at,
    isUntried,
  }: Pick<Rejection, "generation" | "at"> & { readonly isUntried: boolean },
): boolean =>
  [...endpoints.values()].some(({ passed, rejected, pause }) => {
    if (rejected?.generation !== generation || isPaused({ pause }, at)) return false;
    if (at - rejected.lastAt >= LATELY) return false;
    const hasPassedElsewhere = [...endpoints.values()].some(
      (other) => other.passed === generation && (other.passedAt ?? 0) > rejected.at,
    );
    const isLong = rejected.isConfirmed || (isUntried && at - rejected.at >= CONFIRMED);
    return passed === generation || (isLong && !hasPassedElsewhere);
  });

/** Whether an endpoint is in question, so that successes are worth noting. */
export const isInQuestion = (endpoints: Endpoints): boolean =>
  [...endpoints.values()].some(({ rejected, pause }) => rejected || pause);

/** Replaces one endpoint's evidence. The evidence that was not needed for longest is forgotten first. */
function set(endpoints: Endpoints, name: string, evidence: Evidence): Endpoints {
  const all = new Map(endpoints);
  all.delete(name);
  all.set(name, own(evidence));
  for (const [other, { pause }] of all) {
    if (all.size <= 3 * MOST_UNHEALABLE) break;
    if (!pause) all.delete(other);
  }
  return all;
}
