/** A `WWW-Authenticate` challenge (RFC 9110 §11.6.1), read. */
import { own } from "./json.ts";

/** The auth-scheme as the server spells it, and the parameters by their names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly [parameter: string]: string;
}

/** The first challenge and its parameters: `Bearer error="invalid_token", scope="a b"`. */
export function parseChallenge(value: string | null): Challenge | undefined {
  const [start = "", scheme] = /^\s*([\w-]+)/.exec(value ?? "") ?? [];
  if (value === null || !scheme) return undefined;
  const challenge: { scheme: string; [parameter: string]: string } = own({ scheme });
  // One parameter after the other (`y`), up to the next challenge: a word that no `=` follows.
  const parameter = /[\s,]*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"=]+))/gy;
  for (const [, name = "", quoted = "", plain] of value.slice(start.length).matchAll(parameter))
    challenge[name.toLowerCase()] ??= plain ?? quoted.replace(/\\(.)/g, "$1");
  return challenge;
}
