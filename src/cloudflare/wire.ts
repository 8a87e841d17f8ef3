/**
 * What a Worker and the Durable Object that owns a session say to each other. Only plain data crosses:
 * an error thrown over RPC loses its type, so it is an answer.
 */
import { isObject, own } from "../guard/json.ts";
import { isSecure } from "../guard/secure.ts";
import { isToken } from "../guard/syntax.ts";
import { isVaultError, VaultError, type VaultErrorCode, type VaultErrorFacts } from "../errors.ts";
import type { Adoption } from "../refresh/contract.ts";
import type { Provider, TokenName, TokenNeed } from "../types.ts";
import type { Snapshot, VaultEvent } from "../vault/vault.ts";

/** Which session is meant. The object's own name is a hash, from which nothing can be read back. */
export interface Call {
  readonly provider: string;
  readonly account: string;
  /** The session's key as the caller computes it: both sides must mean the same API. */
  readonly key: string;
  /** The session stays in a jurisdiction, and out of a KV that nobody has named. */
  readonly isRegional?: true | undefined;
}

/** As in the core, for one question. */
export type Need = Omit<TokenNeed, "signal" | "waitUntil">;

/** An access token, and how long it may be served without asking again. */
export interface Lease {
  readonly accessToken: string;
  readonly sessionId: string;
  readonly generation: number;
  /** When to ask again at the latest; absent for a token without an end. */
  readonly until?: number | undefined;
}

/** What is said of an account's token: a lease, or that there is none. */
export interface TokenReply {
  /** It orders all that is ever said of one account. */
  readonly revision: number;
  readonly lease?: Lease | undefined;
  readonly error?: undefined;
}

/** How a session stands, without a token. */
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
  /** The id of the key that seals the stored session; absent where nothing is stored. */
  readonly keyId?: string | undefined;
}

interface WireError extends VaultErrorFacts {
  readonly code: VaultErrorCode;
  readonly message: string;
}

export interface SessionStart {
  readonly unlessSignedIn?: boolean | undefined;
}

/** An adoption may be asked for again when its answer was lost: then it is the same one (F101). */
export interface AdoptionStart extends SessionStart {
  readonly adoption?: Adoption | undefined;
}

/** The object's methods, as a Worker sees them. */
export interface Owner {
  token(call: Call, need: Need): Promise<TokenReply | Failure>;
  signIn(call: Call, credentials: unknown, options: SessionStart): Promise<TokenReply | Failure>;
  adopt(call: Call, tokens: unknown, options: AdoptionStart): Promise<TokenReply | Failure>;
  signOut(call: Call): Promise<TokenReply | Failure>;
  removeAccount(call: Call): Promise<TokenReply | Failure>;
  state(call: Call): Promise<StateReply | Failure>;
}

export { keyOf } from "../guard/record.ts";
export { isAccount } from "../guard/syntax.ts";

export function check(isRight: unknown, message: string): asserts isRight {
  if (!isRight) throw new VaultError("invalid_option", message);
}

/** The name of the object and of the cached token: no account stands in it in the clear. */
export async function hashOf(key: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Tells of what happens, after the step that somebody waits for (F5). Whoever hears it may take time;
 * what goes wrong there is for the platform's log.
 */
export const eventTeller =
  (onEvent: ((event: VaultEvent) => unknown) | undefined, hold: (work: Promise<unknown>) => void) =>
  (event: VaultEvent): void => {
    if (onEvent) hold(Promise.resolve().then(() => onEvent(own(event))));
  };

/** The same for what happens to one account's session. */
export function teller(
  onEvent: ((event: VaultEvent) => unknown) | undefined,
  account: string,
  hold: (work: Promise<unknown>) => void,
): (type?: VaultEvent["type"], session?: TokenName, status?: number) => void {
  const tell = eventTeller(onEvent, hold);
  return (type, session, status) => {
    const { sessionId, generation } = own({ ...session });
    if (type) tell({ type, account, sessionId, generation, status });
  };
}

/** Fixed messages only: what a provider or a store throws may hold anything (S4). */
export function toWire(error: unknown): WireError {
  const { code, message, status, retryAfter, reason } = isVaultError(error)
    ? error
    : new VaultError("store_unavailable");
  return { code, message, status, retryAfter, reason };
}

export const fromWire = ({ code, message, ...facts }: WireError): VaultError =>
  new VaultError(code, message, facts);

/** A lease as it comes back from elsewhere, or `undefined` for anything that is none (S10). */
export function toLease(value: unknown, _provider?: unknown): Lease | undefined {
  if (!isObject(value)) return undefined;
  const { accessToken, sessionId, generation, until } = value as unknown as Lease;
  return isToken(accessToken) &&
    typeof sessionId === "string" &&
    Number.isSafeInteger(generation) &&
    Number.isFinite(until ?? 0)
    ? { accessToken, sessionId, generation, until }
    : undefined;
}

/** Plain http is for development, and either side has to allow it by itself: says which one does not. */
export function checkLoopback(
  { name, origins }: Pick<Provider, "name" | "origins">,
  isAllowed: boolean | undefined,
  side: "createVault" | "defineTokenVault",
): void {
  const isPlain = origins.some((origin) => URL.canParse(origin) && isLoopback(new URL(origin)));
  check(
    isAllowed || !isPlain,
    `The provider ${name} has an origin with plain http: add dangerouslyAllowLoopbackHttp: true to ${side}. createVault and defineTokenVault both need it, and only in development`,
  );
}

const isLoopback = (url: URL): boolean => url.protocol === "http:" && isSecure(url, true);
