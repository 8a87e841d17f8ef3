/** The common part of mechanisms over a long-lived secret: where the secret comes from, and should not be. */
import { VaultError } from "../errors.ts";
import { isObject, own } from "../guard/json.ts";
import { isToken, tokenFlaw } from "../guard/syntax.ts";
import type { Grant, Provider } from "../types.ts";

declare const importScripts: unknown;

/** Environment variables: `process.env`, or a Worker's `env`. They are given, and never read from a global. */
export type Env<Name extends string = string> = { readonly [name in Name]?: string | undefined };

/** The part of a provider that says where its tokens go, and keeps its sessions apart. */
export type Address = Pick<
  Provider,
  "name" | "origins" | "publicPaths" | "scheme" | "header" | "partition" | "showsClaims"
>;

/** Where a long-lived secret comes from. `Name` is the environment variable's. */
export interface SecretOptions<Name extends string = string> {
  /** The environment variable that `signIn()` without an argument reads; none by default. */
  readonly variable?: Name;
  /** The variables of the environment: `process.env`, or a Worker's `env`; none by default. */
  readonly env?: Env<Name>;
  /**
   * Says that this page may hold the secret, so that no warning is drawn in browsers. Everyone who opens
   * the page can read the secret and use it anywhere, until it is revoked. `false` by default.
   */
  readonly dangerouslyAllowInBrowser?: boolean;
}

/** The address alone, so that no `env` can be reached from a provider (S7). */
export function addressOf(options: Address): Address {
  const { name, origins, publicPaths, scheme, header, partition, showsClaims } = own(options);
  return { name, origins, publicPaths, scheme, header, partition, showsClaims };
}

/** Whether the scheme is that of RFC 7617; schemes are the same in every case. */
export const isBasic = ({ scheme }: Address): boolean => String(scheme).toLowerCase() === "basic";

/** A member of a sign-in's credentials, if it is their own (S15, S17). */
export const given = (credentials: unknown, name: string): unknown =>
  isObject(credentials) && Object.hasOwn(credentials, name) ? credentials[name] : undefined;

/** The environment variable's value. */
export const found = ({ variable, env }: SecretOptions): unknown =>
  variable !== undefined && env && Object.hasOwn(env, variable) ? env[variable] : undefined;

/**
 * Checks a secret first, so that a pasted space or line break is told (S5), and never the value.
 *
 * @throws VaultError `invalid_option` where there is no secret, `invalid_token` where no header can carry
 * it.
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

/**
 * A key that is no secret text: PEM or a JWK. Whether the key is a good one is for its importer to say.
 *
 * @throws VaultError `invalid_option` where there is none.
 */
export function keyOf(key: unknown, options: SecretOptions): unknown {
  const isThere = isObject(key) || tokenFlaw(key) !== "no_token";
  return isThere ? key : secretOf(key, options);
}

/** A grant of a token that was made elsewhere: nobody knows how long ago. */
export const asFound = (accessToken: string): { type: "granted"; grant: Grant } => ({
  type: "granted",
  grant: { accessToken, aged: true },
});

const warned = new Set<string>();

/** Warns once for each text. */
export function warnOnce(text: string): void {
  if (warned.has(text)) return;
  warned.add(text);
  // oxlint-disable-next-line no-console
  console.warn(`tokenkeep: ${text}`);
}

/** Whether this is a page or a worker of one. */
export const isInBrowser = (): boolean =>
  typeof document === "object" || typeof importScripts === "function";

/** Warns once for each provider in a browser, where each visitor can read the secret (S16). */
export function warnInBrowser({
  name,
  dangerouslyAllowInBrowser,
}: Pick<Address & SecretOptions, "name" | "dangerouslyAllowInBrowser">): void {
  if (dangerouslyAllowInBrowser || !isInBrowser()) return;
  warnOnce(
    `the secret of provider "${name}" does not belong in a browser. It lives long, and ` +
      "everyone who opens the page, and every script in it, can read it and use it elsewhere. Keep " +
      "it on a server, or accept that with dangerouslyAllowInBrowser.",
  );
}
