/**
 * The messages between a Worker and the Durable Object that owns a session. Only plain data crosses: an
 * error that is thrown over RPC loses its type, so that errors are answers.
 */
import { isObject, own } from "../guard/json.ts";
import { isToken } from "../guard/syntax.ts";
import type { WireError } from "../guard/wire-error.ts";
import { type Hold, holdOpen } from "../refresh/lock-and-timer.ts";
import type { TokenNeed } from "../types.ts";
import type { Snapshot, VaultEvent } from "../vault/vault.ts";

/** Names a session. The object's own name is a hash, from which nothing can be read back. */
export interface SessionName {
  readonly provider: string;
  readonly account: string;
  /** The session's key as the caller computes it: both sides must speak of the same API. */
  readonly key: string;
  /** Whether the session stays in a jurisdiction, and out of a KV that the options do not name. */
  readonly isRegional?: true | undefined;
}

/** The core's `TokenNeed`, as far as it is plain data. */
export interface Need extends Omit<TokenNeed, "signal" | "waitUntil"> {
  /** How many milliseconds the caller still waits, from 0 on; as long as the object's own patience where absent. */
  readonly patience?: number | undefined;
}

/** An access token, and how long it may be served without asking again. */
export interface Lease {
  readonly accessToken: string;
  readonly sessionId: string;
  readonly generation: number;
  /** When to ask again at the latest; absent for a token without an end. */
  readonly until?: number | undefined;
}

/** The state of an account's token: a lease, or no lease. */
export interface TokenReply {
  /** Orders all answers about one account. */
  readonly revision: number;
  readonly lease?: Lease | undefined;
  readonly error?: undefined;
}

/** The state of a session, without a token. */
export interface StateReply {
  readonly revision: number;
  readonly snapshot: SessionState;
  readonly error?: undefined;
}

export interface Failure {
  readonly revision: number;
  readonly error: WireError;
  readonly lease?: undefined;
  readonly snapshot?: undefined;
}

/** The state of a session that an object owns. */
export interface SessionState extends Snapshot {
  /** The id of the key that seals the stored session; absent where none is stored. */
  readonly keyId?: string | undefined;
}

export interface SessionStart {
  readonly unlessSignedIn?: boolean | undefined;
}

/** Names an adoption, so that one which is asked for again is the same one (F101). */
export interface AdoptionStart extends SessionStart {
  readonly adoption?:
    | {
        readonly sessionId: string;
        /** How many milliseconds ago it was begun: two machines' clocks differ (F60). */
        readonly age: number;
      }
    | undefined;
}

/** The object's methods, as a Worker sees them. */
export interface Owner {
  token(session: SessionName, need: Need): Promise<TokenReply | Failure>;
  signIn(
    session: SessionName,
    credentials: unknown,
    options: SessionStart,
  ): Promise<TokenReply | Failure>;
  adopt(
    session: SessionName,
    tokens: unknown,
    options: AdoptionStart,
  ): Promise<TokenReply | Failure>;
  signOut(session: SessionName): Promise<TokenReply | Failure>;
  removeAccount(session: SessionName): Promise<TokenReply | Failure>;
  state(session: SessionName): Promise<StateReply | Failure>;
}

export { keyOf } from "../guard/record.ts";
export { isAccount } from "../guard/syntax.ts";

/** The name of the object and of the cached token: no account stands in it in the clear. */
export async function hashOf(key: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Tells of events after the step that a caller waits for (F5). A listener may take time; its errors are for
 * the platform's log.
 */
export const teller =
  (onEvent: ((event: VaultEvent) => unknown) | undefined, account: string, waitUntil: Hold) =>
  (event: Omit<VaultEvent, "account">): void => {
    if (onEvent)
      holdOpen(
        Promise.resolve().then(() => onEvent({ ...event, account })),
        waitUntil,
      );
  };

/** An answer whose members are its own, at any depth: RPC gives it the prototype of all objects (S15). */
export function bare<Said extends object>(said: Said | undefined): Said | undefined {
  if (!isObject(said)) return undefined;
  const copy = own(said);
  for (const [name, value] of Object.entries(copy))
    if (isObject(value)) Object.assign(copy, { [name]: own(value) });
  return copy;
}

/** Whether an answer is an error. */
export const isFailure = (said: object): said is Failure => "error" in said && isObject(said.error);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value);
const isTime = (value: unknown): value is number => Number.isFinite(value);

/** Narrows a lease that has come from elsewhere (S10); `undefined` for any other value. */
export function toLease(value: unknown): Lease | undefined {
  if (!isObject(value)) return undefined;
  const { accessToken, sessionId, generation, until } = own(value);
  const isLease = isToken(accessToken) && typeof sessionId === "string" && isCount(generation);
  if (!isLease || !(until === undefined || isTime(until))) return undefined;
  return { accessToken, sessionId, generation, until };
}
