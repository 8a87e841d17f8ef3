/** The common part of a mechanism and its preset, whose credentials mint tokens and are not spent by that. */
import { check } from "../errors.ts";
import { copyOf, own } from "../guard/json.ts";
import type { Exchange, Outcome, Provider, Renewal } from "../types.ts";
import { BY_MATERIAL } from "./material.ts";
import {
  type Address,
  addressOf,
  asFound,
  found,
  type SecretOptions,
  secretOf,
  warnInBrowser,
} from "./secrets.ts";

/** The options that say nothing about requests. */
export type MintingOptions = Address & SecretOptions & Pick<Renewal, "assumedLifetime">;

/** A provider that keeps the credentials with the session, and gets each token by `ask`. */
export function minting<Credentials>(
  options: MintingOptions,
  ask: (credentials: Credentials, exchange: Exchange) => Promise<Outcome>,
): Provider<Credentials | void> {
  warnInBrowser(options);

  async function make(credentials: Credentials, exchange: Exchange): Promise<Outcome> {
    check(credentials !== null, "credentials");
    return ask(credentials, exchange);
  }

  const { assumedLifetime } = options;
  return own<Provider<Credentials | void>>({
    ...addressOf(options),
    renewal: own({ ...BY_MATERIAL, assumedLifetime }),
    async signIn(credentials, exchange) {
      if (credentials === undefined) return asFound(secretOf(found(options), options));
      // As they are sent: an application may use one object for all of its accounts (S11).
      const material = copyOf(credentials);
      const outcome = await make(credentials, exchange);
      return outcome.type === "granted"
        ? { ...outcome, grant: { ...outcome.grant, material } }
        : outcome;
    },
    // `signIn` has kept the credentials as the session's material.
    renew: async ({ material }, exchange) =>
      material === undefined ? { type: "refused" } : make(material as Credentials, exchange),
  });
}
