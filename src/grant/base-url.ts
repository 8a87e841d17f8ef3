/** The common part of the presets: options, and an API whose address may be another. */
import { check } from "../errors.ts";
import { own } from "../guard/json.ts";

interface Based {
  readonly baseURL?: string;
}

/**
 * A preset's options, each of its own: an address on `Object.prototype` would be where secrets go (S15). The
 * API's address has no slash at its end.
 */
export function atBase<Options extends Based>(
  given: Options,
  usual: string,
): { readonly base: string; readonly options: Omit<Options, "baseURL"> } {
  const { baseURL = usual, ...options } = own(given);
  check(typeof baseURL === "string", "baseURL, a text");
  return { base: baseURL.replace(/\/+$/, ""), options: own(options) };
}
