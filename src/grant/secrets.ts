/** What mechanisms over a long-lived secret share: where it comes from, and where it should not be. */
import { VaultError } from "../errors.ts";
import type { Grant, Provider } from "../types.ts";
import { isToken } from "../guard/syntax.ts";

declare const importScripts: unknown;

/** Environment variables: `process.env`, or a Worker's `env`. An argument, never read globally. */
export type Env<Name extends string = string> = { readonly [name in Name]?: string | undefined };

/** What says where a provider's tokens go, and what keeps its sessions apart. */
export type Address = Pick<Provider, "name" | "origins" | "publicPaths" | "scheme" | "partition">;

/** Where a long-lived secret comes from. `Name` is the environment variable's. */
export interface SecretOptions<Name extends string = string> {
  /** The environment variable that is read where a sign-in gives no secret; none by default. */
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
export const addressOf = ({ name, origins, publicPaths, scheme, partition }: Address): Address =>
  ({ name, origins, publicPaths, scheme, partition }) as Address;

/**
 * The secret that was given, or else the environment's. Checked first, so that a pasted space or
 * line break is told (S5); the value never is.
 */
export function secretOf(
  given: unknown,
  { variable, env }: SecretOptions,
  scheme?: Provider["scheme"],
): string {
  const secret = given ?? (variable && env?.[variable]);
  if (isToken(secret, scheme)) return secret;
  throw secret && typeof secret === "string"
    ? new VaultError("invalid_token")
    : new VaultError(
        "invalid_option",
        "Cannot sign in: no token given" + (variable ? `, and no ${variable} in env` : ""),
      );
}

/** A token as it was found: nobody knows for how long it has been in use. */
export const asFound = (accessToken: string): { type: "granted"; grant: Grant } => ({
  type: "granted",
  grant: { accessToken, aged: true },
});

const warned = new Set<string>();

/** One warning for each provider where script of the page, and whoever opens it, reads along (S16). */
export function warnInBrowser({
  name,
  dangerouslyAllowInBrowser,
}: Pick<Address & SecretOptions, "name" | "dangerouslyAllowInBrowser">): void {
  if (
    dangerouslyAllowInBrowser ||
    warned.has(name) ||
    (typeof document !== "object" && typeof importScripts !== "function")
  )
    return;
  warned.add(name);
  // oxlint-disable-next-line no-console
  console.warn(
    `tokenkeep: the secret of provider "${name}" does not belong in a browser. It lives long, and ` +
      "everyone who opens the page, and every script in it, can read it and use it elsewhere. Keep " +
      "it on a server, or accept that with dangerouslyAllowInBrowser.",
  );
}
