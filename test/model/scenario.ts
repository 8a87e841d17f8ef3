/** What a schedule is drawn from: its parts, and the script of things that happen. */
import type { ChannelKind } from "./channels.ts";
import type { LockRules } from "./locks.ts";
import type { Endpoint, Rotation } from "./server.ts";
import type { StoreRules } from "./stores.ts";
import type { Faults } from "./world.ts";

export interface Network {
  /** Chances for each token request. */
  readonly lostBefore: number;
  readonly lostAfter: number;
  readonly late: number;
  /** Hears no abort: what comes late still comes. */
  readonly deaf: number;
  readonly status500: number;
  readonly status503: number;
  readonly status429: number;
  readonly portal: number;
  /** Arrives twice: browsers send a POST again by themselves when a kept-alive connection dies. */
  readonly doubled: number;
  /** Chance for each API request: a 500, or no reply. */
  readonly apiTrouble: number;
}

export type Command =
  | {
      readonly type: "call";
      readonly place: number;
      readonly times: number;
      readonly endpoint?: number;
    }
  | {
      readonly type:
        | "abort"
        | "crash"
        | "freeze"
        | "resume"
        | "reload"
        | "close"
        | "store-down"
        | "store-up"
        | "store-refuses"
        | "store-accepts"
        | "sign-in"
        | "sign-out"
        | "adopt"
        /** Signs in by a cookie that is there. */
        | "find"
        /** Removes the account of another context. */
        | "remove"
        /** Asks which accounts there are: tombstones of more than a day go. */
        | "list";
      readonly place: number;
    }
  | {
      readonly type:
        | "evict"
        | "go-back"
        | "expire"
        | "offline"
        | "online"
        /** Somebody new signs in beside the vault, on a page of the server's own. */
        | "outside"
        | "token-down"
        | "token-up"
        /** The context dies whose token request is under way. */
        | "crash-holder";
    }
  | { readonly type: "clock"; readonly place: number; readonly by: number };

export interface Scenario {
  readonly seed: number;
  readonly contexts: number;
  /** How many of them ask the first one's source instead of running an engine. */
  readonly proxies: number;
  readonly accounts: 1 | 2;
  readonly devices: 1 | 2;
  /** How far each context's clock is off from the start; 0 where it says nothing. */
  readonly offsets: readonly number[];
  readonly provider: "vmcloud" | "password" | "mint" | "self-signed" | "cookie";
  /** Whether a sign-out of a cookie's session can be told to the server. */
  readonly hasLogout: boolean;
  readonly rotation: Rotation;
  readonly reuseWindow: number;
  readonly life: number;
  /** How the server tells a life, where the provider is not VMCloud. */
  readonly told: "right" | "absent" | "milliseconds" | "a day";
  /** How long an access token lives without being used. */
  readonly idleEnd: number;
  /** The old access token dies when it is refreshed. */
  readonly killsOld: boolean;
  /** Access tokens are looked up nowhere, as JWTs are: a grant that ends leaves them good. */
  readonly isStateless: boolean;
  readonly showsDate: boolean;
  readonly endpoints: readonly Endpoint[];
  /** How long a token request takes, all the time; as other requests where it is absent. */
  readonly tokenTime: readonly [least: number, most: number] | undefined;
  /** The longest `Retry-After` of a 429 or 503, in seconds; 0 for none. */
  readonly retryAfter: number;
  /** The provider declares that a 503 proves that nothing was processed, and it is true. */
  readonly safe503: boolean;
  readonly locks: LockRules["kind"];
  readonly channel: ChannelKind;
  readonly store: StoreRules;
  /** What the runtime says of the network. */
  readonly online: "right" | "never" | "throws";
  readonly refreshAhead: boolean;
  readonly faults: Faults;
  readonly network: Network;
  /** Each command, and the true time that passes before it. */
  readonly script: readonly { readonly after: number; readonly command: Command }[];
}

export const PATIENCE = 20_000;
export const MAX_STALENESS = 60_000;
/** The longest that an API request takes here. */
export const REQUEST = 10_000;
