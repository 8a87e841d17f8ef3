/**
 * Where redirects have led a call before, for a vault that sends on another one's behalf. Each hop that one
 * vault makes is a call of its own to the other, which must not bring a token back either (F63).
 */
import { own } from "../guard/json.ts";
import type { Policy } from "./policy.ts";

export interface Past {
  /** The headers that vaults show their tokens in, in lower case: where another vault's went, none goes. */
  readonly headers: readonly string[];
  readonly addresses: readonly string[];
}

/** A member that no `fetch` looks at. Copies of an init have it too. */
export const PAST: unique symbol = Symbol.for("tokenkeep.past");

/** The past that another vault has told in an init. */
export const pastOf = (init: object | undefined): Past | undefined =>
  init && Object.hasOwn(init, PAST) ? Reflect.get(init, PAST) : undefined;

/** Adds what one vault knows. */
export const toldBy = (
  header: string,
  { headers, addresses }: Past = { headers: [], addresses: [] },
  ...more: readonly string[]
): Past => own({ headers: [...headers, header], addresses: [...addresses, ...more] });

/** Whether a call may still have a token that this header shows: it had it all the way. */
export const isWhole = (past: Past | undefined, header: string, policy: Policy): boolean =>
  !past ||
  (!past.headers.includes(header) && past.addresses.every((one) => policy(one) !== undefined));
