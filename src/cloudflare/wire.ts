/**
 * What a Worker and the Durable Object that owns a session say to each other. Only plain data crosses:
 * an error thrown over RPC loses its type, so it is an answer.
 */
import { isObject } from "../guard/claims.ts";
import { isToken } from "../guard/syntax.ts";
import { isVaultError, VaultError, type VaultErrorCode, type VaultErrorFacts } from "../errors.ts";
import type { TokenName } from "../types.ts";
import type { Snapshot, VaultEvent } from "../vault/vault.ts";

/** Which session is meant. The object's own name is a hash, from which nothing can be read back. */
export interface Call {
  readonly provider: string;
  readonly account: string;
  /** The session's key as the caller computes it: both sides must mean the same API. */
  readonly key: string;
}

export interface Need {
  readonly rejected?: TokenName | undefined;
  readonly date?: number | undefined;
}

/** An access token, and how long it may be served without asking again. */
export interface Lease {
  readonly accessToken: string;
  readonly sessionId: string;
  readonly generation: number;
  /** When to ask again at the latest; absent for a token without an end. */
  readonly until?: number | undefined;
}

export interface Answer {
  /** The record's revision: it orders all that is ever said of one account. */
  readonly revision: number;
  readonly lease?: Lease | undefined;
  readonly snapshot?: Snapshot | undefined;
  readonly error?: WireError | undefined;
}

interface WireError extends VaultErrorFacts {
  readonly code: VaultErrorCode;
  readonly message: string;
}

export interface SessionStart {
  readonly unlessSignedIn?: boolean | undefined;
}

/** The object's methods, as a Worker sees them. */
export interface Owner {
  token(call: Call, need: Need): Promise<Answer>;
  signIn(call: Call, credentials: unknown, options: SessionStart): Promise<Answer>;
  adopt(call: Call, tokens: unknown, options: SessionStart): Promise<Answer>;
  signOut(call: Call): Promise<Answer>;
  state(call: Call): Promise<Answer>;
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

/** Tells of what happens, after the step that somebody waits for (F5). */
export const teller =
  (onEvent: ((event: VaultEvent) => void) | undefined, account: string) =>
  (type?: VaultEvent["type"], session?: TokenName, status?: number): void => {
    const { sessionId, generation } = session ?? {};
    if (onEvent && type)
      queueMicrotask(() => onEvent({ type, account, sessionId, generation, status }));
  };

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
