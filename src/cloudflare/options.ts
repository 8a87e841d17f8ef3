/** The options of the class, and of a request's vault. */
import type { Fetch, VaultOptions } from "../types.ts";
import type { VaultEvent } from "../vault/vault.ts";
import type { KeysOption } from "./keys.ts";
import type { Providers, Sender } from "./set-up.ts";

/** The options of both sides. */
export interface SharedOptions<Env> {
  /** The KV binding that carries sealed access tokens to the edge; `"TOKEN_CACHE"` by default, none where it is missing. */
  readonly cache?: string;
  /** Allows `http://localhost` and other loopback hosts, for development; `false` by default. */
  readonly dangerouslyAllowLoopbackHttp?: boolean;
  /**
   * Called with each event, for logs and metrics. The object tells of its session. A Worker tells of `retried`,
   * when a request is sent again after its 401, and of `bare`, when an address is not listed: once for each origin in each
   * isolate. An event holds no secret. `waitUntil` holds the promise that the function returns, and a rejection
   * stands in the platform's log. The function of `defineTokenVault` serves both sides; `createVault` needs one
   * of its own only where the class belongs to another Worker.
   */
  readonly onEvent?: (event: VaultEvent, env: Env, ctx: VaultContext) => unknown;
}

/** The options of `defineTokenVault`. */
export interface TokenVaultOptions<Env = never>
  extends SharedOptions<Env>, Pick<VaultOptions, "clock" | "patience" | "random"> {
  /** The APIs, by the name that `createVault` takes; a function where they depend on `env`. */
  readonly providers: Providers | ((env: Env) => Providers);
  /**
   * The keys that seal sessions: one or more of `<id>:<32 random bytes in base64>`, with commas between
   * and the newest last. A name without a colon is that of a secret in `env`, or of a Secrets Store
   * binding; `"TOKENKEEP_KEYS"` by default. A function gives a text or a binding, or a promise of one.
   */
  readonly keys?: KeysOption<Env>;
  /**
   * Gives the sender of requests to token endpoints and to the API, on both sides: `(env) => env.MTLS`.
   * A sender is a binding, or a function like `fetch`; the global `fetch` by default, which also sends whatever a
   * Worker asks of other origins than the provider's, at each hop of a redirect (S1, S2).
   */
  readonly fetch?: (env: Env) => Sender | Fetch;
  /**
   * The name of this class's binding; needed only where two classes of one Worker have a provider of the same
   * name. None by default.
   */
  readonly binding?: string;
}

/** The part of a Worker's `ctx` that is used. */
export interface VaultContext {
  waitUntil(promise: Promise<unknown>): void;
}

/** The region in which an object's data stays, and in which it runs. */
export type Jurisdiction = "eu" | "fedramp" | "fedramp-high" | "us";

/** The place in which a new object should run, in the platform's names; a hint, no promise. */
export type LocationHint =
  | ("wnam" | "enam" | "sam" | "weur" | "eeur" | "apac" | "oc" | "afr" | "me")
  | (string & {});

/** The options of `createVault`. */
export interface CloudflareVaultOptions extends SharedOptions<never> {
  /** A name from the `providers` of `defineTokenVault`. */
  readonly provider: string;
  /** Keeps several accounts apart; `"default"` by default. Not a secret, and 256 characters at most. */
  readonly account?: string;
  /** The Worker's `env`. */
  readonly env: object;
  /** The Worker's `ctx`. */
  readonly ctx: VaultContext;
  /** The Durable Object binding; `"TOKEN_VAULT"` by default. */
  readonly binding?: string;
  /**
   * Keeps the session in a jurisdiction; none by default. Each jurisdiction has objects of its own, so
   * give an account always the same one. KV is left out then, unless both sides name it by `cache`.
   */
  readonly jurisdiction?: Jurisdiction | undefined;
  /** Where the object is made when it is first asked for; near the caller by default. */
  readonly locationHint?: LocationHint | undefined;
  /** Those of `defineTokenVault` by default; needed only where the class belongs to another Worker. */
  readonly providers?: Providers;
  /** Those of `defineTokenVault` by default; needed only where the class belongs to another Worker. */
  readonly keys?: KeysOption;
  /** How many milliseconds a call waits for tokens, in all, the object included; 20,000 by default. */
  readonly patience?: number;
  /** How many milliseconds memory serves a token without a question; 60,000 by default. */
  readonly maxStaleness?: number;
  /** As in `createVault` of the core; 1,048,576 by default. */
  readonly maxReplayBytes?: number;
  /** Sends the requests to the provider's origins; the sender of `defineTokenVault` by default. */
  readonly fetch?: Fetch;
  /** The system's by default. */
  readonly clock?: VaultOptions["clock"];
}
