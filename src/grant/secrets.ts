/** What mechanisms over a long-lived secret share: where it comes from, and where it should not be. */
import { VaultError } from "../errors.ts";
import { isObject, own } from "../guard/json.ts";
import { isToken, tokenFlaw } from "../guard/syntax.ts";
import type { Grant, Provider } from "../types.ts";

declare const importScripts: unknown;

/** Environment variables: `process.env`, or a Worker's `env`. An argument, never read globally. */
export type Env<Name extends string = string> = { readonly [name in Name]?: string | undefined };

/** What says where a provider's tokens go, and what keeps its sessions apart. */
export type Address = Pick<
  Provider,
  "name" | "origins" | "publicPaths" | "scheme" | "partition" | "showsClaims"
>;

/** Where a long-lived secret comes from. `Name` is the environment variable's. */
export interface SecretOptions<Name extends string = string> {
  /** The environment variable that `signIn()` reads where it is given nothing; none by default. */
  readonly variable?: Name;
  /** Where it is read from: `process.env`, or a Worker's `env`; nowhere by default. */
  readonly env?: Env<Name>;
  /**
   * Says that this page may hold the secret: no warning in browsers. Everyone who opens the page can
   * read it and use it anywhere, until it is revoked. `false` by default.
   */
  readonly dangerouslyAllowInBrowser?: boolean;
}

/** Those members alone: an `env` is not reachable from a provider (S7). Absent ones read as absent. */
export function addressOf(options: Address): Address {
  const { name, origins, publicPaths, scheme, partition, showsClaims } = own(options);
  return { name, origins, publicPaths, scheme, partition, showsClaims } as Address;
}

/** What a sign-in gave under that name: its own member, or nothing (S15, S17). */
export const given = (credentials: unknown, name: string): unknown =>
  isObject(credentials) && Object.hasOwn(credentials, name) ? credentials[name] : undefined;

/** What the environment has under the variable's name. */
export const found = ({ variable, env }: SecretOptions): unknown =>
  variable !== undefined && env && Object.hasOwn(env, variable) ? env[variable] : undefined;

/**
 * The secret, checked first, so that a pasted space or line break is told (S5); the value never is.
 *
 * @throws VaultError `invalid_option` where there is none, `invalid_token` where no header carries it.
 */
export function secretOf(secret: unknown, { variable }: SecretOptions): string {
  if (isToken(secret)) return secret;
  const reason = tokenFlaw(secret);
  if (reason !== "no_token") throw new VaultError("invalid_token", undefined, { reason });
  const where = variable === undefined ? "" : `, or call signIn() with ${variable} in env`;
  throw new VaultError("invalid_option", `Cannot sign in: no secret was given. Pass one${where}.`, {
    reason,
  });
}

/** A token as it was found: nobody knows for how long it has been in use. */
export const asFound = (accessToken: string): { type: "granted"; grant: Grant } => ({
  type: "granted",
  grant: { accessToken, aged: true },
});

const warned = new Set<string>();

/** Once for each text. */
export function warnOnce(text: string): void {
  if (warned.has(text)) return;
  warned.add(text);
  // oxlint-disable-next-line no-console
  console.warn(`tokenkeep: ${text}`);
}

/** One warning for each provider where script of the page, and whoever opens it, reads along (S16). */
export function warnInBrowser({
  name,
  dangerouslyAllowInBrowser,
}: Pick<Address & SecretOptions, "name" | "dangerouslyAllowInBrowser">): void {
  const isBrowser = typeof document === "object" || typeof importScripts === "function";
  if (dangerouslyAllowInBrowser || !isBrowser) return;
  warnOnce(
    `the secret of provider "${name}" does not belong in a browser. It lives long, and ` +
      "everyone who opens the page, and every script in it, can read it and use it elsewhere. Keep " +
      "it on a server, or accept that with dangerouslyAllowInBrowser.",
  );
}
