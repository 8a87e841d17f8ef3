/** An issuer's keys, fetched from its JWKS endpoint (RFC 7517 §5) and kept for a while. */
import { check, VaultError, type VaultErrorFacts } from "../errors.ts";
import type { Fetch } from "../types.ts";
import { isObject, own } from "../guard/json.ts";
import { jsonIn, parseRetryAfter, readText } from "../guard/replies.ts";
import { isSecure } from "../guard/secure.ts";
import { within } from "../guard/within.ts";

/** A set of JWKs, each as it came: `unknown` members, no prototype. */
export interface KeySet {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

/** Keys that live elsewhere: made by `remoteKeys`, or by you. */
export interface RemoteKeys {
  /** The key set. Where `lacks` says that the set at hand lacks the wanted key, a newer set may be fetched. */
  get(lacks?: (set: KeySet) => boolean): Promise<KeySet>;
}

/** The options of `remoteKeys`. */
export interface RemoteKeysOptions {
  /** How many milliseconds a whole reply may take; 5,000 by default. */
  readonly timeout?: number;
  /** How many milliseconds a key set is used without asking again; 600,000 (ten minutes) by default. */
  readonly maxAge?: number;
  /**
   * How many milliseconds must have passed since the last fetch, also one that failed, before an unknown key makes
   * another; 30,000 by default. Without this pause, everybody who sends a made-up `kid` would make a request.
   */
  readonly coolDown?: number;
  /**
   * How many milliseconds after its fetch a key set goes on being used while no newer one can be had;
   * 3,600,000 (an hour) by default.
   */
  readonly maxStale?: number;
  /** Allows `http://localhost` and other loopback hosts, for development; `false` by default. */
  readonly dangerouslyAllowLoopbackHttp?: boolean;
  /** What the keys are fetched with; the global one by default. */
  readonly fetch?: Fetch;
  /** Milliseconds since the epoch; `Date.now` by default. */
  readonly now?: () => number;
}

/** In bytes: a set of a hundred RSA keys. */
const LONGEST = 262_144;

/** In milliseconds: the first pause after a failure, and the longest. */
const PAUSE = { first: 1_000, longest: 60_000 } as const;

/** Of the fetches of others, so many are joined one after the other. */
const MOST_JOINED = 3;

/** What a fetch brought: settled, so that requests of one isolate may share it (F31). */
type Loaded = { readonly set: KeySet } | { readonly failure: VaultErrorFacts };

const isKeySet = (value: unknown): value is { readonly keys: Record<string, unknown>[] } =>
  isObject(value) && Array.isArray(value["keys"]) && value["keys"].every(isObject);

/** What a reply holds. Redirects are not followed: their target would say who is believed. */
async function read(response: Response, now: number): Promise<Loaded> {
  const { status, type, headers } = response;
  if (type === "opaqueredirect" || (status >= 300 && status < 400))
    return { failure: { status, reason: "redirected" } };
  const set = status === 200 ? jsonIn(await readText(response, { most: LONGEST })) : undefined;
  if (isKeySet(set)) return { set };
  const retryAfter = parseRetryAfter(headers.get("retry-after"), now);
  return { failure: { status, retryAfter, reason: "no_keys" } };
}

interface Loading {
  readonly send: Fetch;
  /** Milliseconds. */
  readonly timeout: number;
  readonly now: () => number;
}

/** Fetches the keys once. It never rejects, and settles within its time. */
async function load(url: string, { send, timeout, now }: Loading): Promise<Loaded> {
  const limit = new AbortController();
  // No `cache`: Workers before 2024-11-11 refuse it.
  const init = own({
    method: "GET",
    headers: { accept: "application/json, application/jwk-set+json" },
    redirect: "manual",
    credentials: "omit",
    mode: "cors",
    referrerPolicy: "no-referrer",
    signal: limit.signal,
  } as const);
  const fetchKeys = async (): Promise<Loaded> => {
    try {
      return await read(await send(url, init), now());
    } catch {
      return { failure: { reason: "no_connection" } };
    }
  };
  const loaded = await within(fetchKeys(), timeout);
  // What is still on its way, such as the body of an error, is not wanted.
  limit.abort();
  return loaded ?? { failure: { reason: "timed_out" } };
}

/** Older browsers have no `URL.canParse`. */
function parse(url: string | URL): URL | undefined {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
}

/** The address, if it is one that keys may come from. */
function addressOf(url: string | URL, allowLoopbackHttp: boolean | undefined): string {
  const address = parse(url);
  const isPlain = address && !address.username && !address.password;
  check(isPlain && isSecure(address, allowLoopbackHttp), "an https address of a JWKS");
  return address.href;
}

/**
 * An issuer's keys. Nothing is fetched before the first JWT is verified, and then one request serves all
 * who wait for it. Make it once, outside of any request's handler, so that requests share what it keeps.
 *
 * `get` rejects with `keys_unavailable` where there is no key set.
 *
 * @throws VaultError `invalid_option` when the address is not https, or a duration is none.
 */
export function remoteKeys(url: string | URL, options?: RemoteKeysOptions): RemoteKeys {
  const given = own({ ...options });
  const { timeout = 5_000, maxAge = 600_000, coolDown = 30_000, maxStale = 3_600_000 } = given;
  const { fetch: send = (...call) => globalThis.fetch(...call), now = Date.now } = given;
  const address = addressOf(url, given.dangerouslyAllowLoopbackHttp);
  for (const ms of [timeout, maxAge, coolDown, maxStale])
    check(ms >= 0 && ms < Infinity, "durations in milliseconds");

  let kept: { readonly set: KeySet; readonly at: number } | undefined;
  let failed:
    | { readonly facts: VaultErrorFacts; readonly at: number; readonly tries: number }
    | undefined;
  let pending: Promise<void> | undefined;

  /** A clock that was set back makes everything old. */
  const isYoung = (at: number, ms: number): boolean => now() >= at && now() - at < ms;

  function isPaused(): boolean {
    if (!failed) return false;
    const { facts, at, tries } = failed;
    const pause = Math.max(PAUSE.first * 2 ** (tries - 1), facts.retryAfter ?? 0);
    return isYoung(at, Math.min(pause, PAUSE.longest));
  }

  function settle(loaded: Loaded): void {
    if ("set" in loaded) {
      kept = { set: loaded.set, at: now() };
      failed = undefined;
    } else failed = { facts: loaded.failure, at: now(), tries: (failed?.tries ?? 0) + 1 };
  }

  async function begin(): Promise<void> {
    const mine = load(address, { send, timeout, now }).then(settle);
    pending = mine;
    await mine;
    if (pending === mine) pending = undefined;
  }

  /**
   * Joins a fetch that is under way, for half of its time: in Workers it ends with the request that began it
   * (F31). So an issuer that is slow is asked twice at a time at most. Nobody waits for one that fails, or for
   * longer than twice the time of a fetch, however many wait.
   */
  async function refresh(): Promise<void> {
    for (let joined = 0; joined < MOST_JOINED && !isPaused(); joined++) {
      const other = pending;
      if (!other) return begin();
      const settled = other.then(() => true);
      if (await within(settled, timeout / 2)) return;
      if (pending === other) pending = undefined;
    }
  }

  return own<RemoteKeys>({
    async get(lacks) {
      const before = kept;
      const lacking = (): boolean => !!kept && lacks?.(kept.set) === true;
      const triedAt = Math.max(kept?.at ?? 0, failed?.at ?? 0);
      const isEnough =
        kept && isYoung(kept.at, maxAge) && (isYoung(triedAt, coolDown) || !lacking());
      if (!isEnough && !isPaused()) await refresh();
      // What has come just now is as young as can be, whatever `maxAge` says.
      const isUsable = kept && (kept !== before || isYoung(kept.at, Math.max(maxAge, maxStale)));
      // The issuer may have a newer set, which cannot be had: that says nothing of the JWT.
      const isUnsure = failed && lacking();
      if (kept && isUsable && !isUnsure) return kept.set;
      throw new VaultError("keys_unavailable", undefined, failed?.facts ?? { reason: "timed_out" });
    },
  });
}
