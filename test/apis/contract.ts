/** What all test APIs have in common, so that tests, the control server and the demo run any of them. */
import type { Counters } from "./counters.ts";
import type { Faults } from "./faults.ts";
import type { Handler } from "./replies.ts";
import type { Shown } from "./shown-token.ts";

/**
 * The kinds of endpoints for faults and gates: where a sign-in gets its tokens, where they are
 * refreshed, everything else. No API but VMCloud has a refresh; those with static tokens have neither.
 */
export type ApiKind = "token" | "refresh" | "api";

/** What can be changed in every API while it runs. */
export interface ApiSwitches {
  /** Of what is issued from now on, milliseconds rounded up to seconds. */
  readonly life: number;
  /** Added to the server's clock, milliseconds; raising it ages everything. */
  readonly clockOffset: number;
  /** API calls per account and hour; default unlimited. */
  readonly rateLimit: number | "unlimited";
  /** A firewall answers everything with 403 in HTML; default false. */
  readonly ipBlocked: boolean;
  /** How an access token has to be shown; default as the API's page says, in `Authorization`. */
  readonly shown?: Shown;
}

export interface ApiOptions extends Partial<ApiSwitches> {
  /** The wall clock; `Date.now` by default. */
  readonly now?: () => number;
  /** How a fault's delay is waited out; by default with `setTimeout`. */
  readonly sleep?: (ms: number) => Promise<void>;
}

/**
 * Whom every API knows: Ada of org-analytical, who may do everything; Grace of org-compilers, who may
 * only read. Artos also knows nobody, who has no organisation.
 */
export type Account = "ada" | "grace" | "nobody";

export interface TestApi extends Pick<Faults<ApiKind>, "fault" | "clearFaults" | "gate" | "log"> {
  readonly fetch: Handler;
  set(switches: Partial<ApiSwitches>): void;
  counters(): Counters;
  /** Answers every access token issued so far with 401; where tokens are static, that is for good. */
  expireAccessTokens(): void;
  /** Ends what accounts were given for good: refresh tokens, static tokens, API keys, user ids. */
  revoke(): void;
  /** What the preset's `signIn` takes: as a person, or an API's console, gives it. Ada's by default. */
  credentials(account?: Account): Promise<Readonly<Record<string, string>>>;
}

export const orgs = { ada: "org-analytical", grace: "org-compilers", nobody: undefined } as const;
