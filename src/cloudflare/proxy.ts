/**
 * The Worker's vault, for the time of a request: it sends with access tokens from the read path, and hands
 * everything else to the object that owns the session.
 */
import { bareAndFrozen, own } from "../guard/json.ts";
import { randomId } from "../guard/random.ts";
import { fromWireError } from "../guard/wire-error.ts";
import { systemClock } from "../refresh/clock.ts";
import { because, VaultError } from "../errors.ts";
import { createFetch } from "../request/fetch.ts";
import type { Policy } from "../request/policy.ts";
import type { Presentation } from "../request/presentation.ts";
import { createFollow } from "../request/redirects.ts";
import type { Fetch, Clock, Provider, TokenSet } from "../types.ts";
import type { Vault, VaultEvent } from "../vault/vault.ts";
import { type AskParts, createAsk } from "./ask.ts";
import { createReadPath, type ReadPath, type ReadPathParts, TRIES } from "./read-path.ts";
import { demand } from "./set-up.ts";
import { isFailure, type SessionState, teller } from "./wire.ts";

/** A vault whose session a Durable Object owns. */
export interface CloudflareVault<Credentials = unknown> extends Pick<
  Vault,
  "authorization" | "fetch" | "getToken" | "signOut"
> {
  /**
   * Gets tokens for credentials and starts a session, in the object. With `unlessSignedIn` nothing happens
   * where a session stands; many callers at once sign in once, and share a failure too. The credentials
   * are plain data. Rejects as the `signIn` of a `Vault` does.
   */
  signIn(credentials: Credentials, options?: StartOptions): Promise<void>;
  /** Starts a session with tokens that somebody got elsewhere, such as those in a secret. */
  adopt(tokens: TokenSet, options?: StartOptions): Promise<void>;
  /**
   * Signs the account out and forgets it: the object's storage is given back as soon as KV has heard of
   * the sign-out.
   */
  removeAccount(): Promise<void>;
  /**
   * The session's state as the object sees it, without a token. `keyId` names the key that seals the
   * session: a rotation of keys is through when no account names the old one.
   */
  state(): Promise<SessionState>;
}

/** Options of a sign-in and of an adoption. */
export interface StartOptions {
  /** Does nothing where somebody is signed in; `false` by default. */
  readonly unlessSignedIn?: boolean;
}

/** The parts of one request's vault. */
export interface ProxyParts extends Omit<AskParts, "clock">, Omit<ReadPathParts, "ask" | "clock"> {
  readonly provider: Provider;
  readonly policy: Policy;
  readonly presentation: Presentation;
  readonly fetch?: Fetch | undefined;
  readonly clock?: Clock | undefined;
  readonly maxReplayBytes?: number | undefined;
  readonly onEvent?: ((event: VaultEvent) => unknown) | undefined;
}

export function createProxy<Credentials>(parts: ProxyParts): CloudflareVault<Credentials> {
  const { clock = systemClock } = parts;
  const ask = createAsk({ ...parts, clock });
  const path = createReadPath({ ...parts, clock, ask });
  return {
    ...sendingBy(path, { ...parts, clock }),
    ...heldBy(path, { ...parts, ask, clock }),
  };
}

/** The methods that need a token. */
function sendingBy(
  path: ReadPath,
  parts: ProxyParts & { readonly clock: Clock },
): Pick<Vault, "authorization" | "fetch" | "getToken"> {
  const { provider, policy, presentation, memory, clock } = parts;
  const tell = teller(parts.onEvent, parts.session.account, parts.waitUntil);
  /** The session of each token that `getToken` has given in this request. */
  const given = new Map<string, string>();
  return {
    fetch: createFetch({
      policy,
      source: path,
      presentation,
      fetch: parts.fetch ?? ((...request) => fetch(...request)),
      follow: createFollow(policy),
      isSelfSigned: provider.renewal?.selfSigned,
      onRetry: ({ sessionId, generation }) =>
        tell({ type: "retried", sessionId, generation, status: 401 }),
      // A vault lives for one request, and an isolate for many.
      onBare: (origin) => {
        if (memory.isFirst(`${provider.name} ${origin}`)) tell({ type: "bare", origin });
      },
      maxReplayBytes: parts.maxReplayBytes,
      running: () => clock.running(),
    }),
    async getToken(options) {
      const { rejected, signal } = own({ ...options });
      const since = clock.running();
      const got = await path.getToken({ signal });
      const isRejected = got.accessToken === rejected;
      const waited = clock.running() - since;
      const next = isRejected ? await path.getToken({ rejected: got, waited, signal }) : got;
      // No user's request goes out again with another's token (F103).
      const before = isRejected ? got.sessionId : given.get(rejected ?? "");
      if (before !== undefined && before !== next.sessionId)
        throw new VaultError("session_changed");
      given.set(next.accessToken, next.sessionId);
      return next.accessToken;
    },
    async authorization(options) {
      const { signal } = own({ ...options });
      return presentation.show(await path.getToken({ signal }));
    },
  };
}

/** The methods that the object carries out. */
function heldBy<Credentials>(
  { askForToken }: ReadPath,
  { session, ask, clock, memory }: Pick<ReadPathParts, "session" | "ask" | "clock" | "memory">,
): Omit<CloudflareVault<Credentials>, "authorization" | "fetch" | "getToken"> {
  const again = { tries: TRIES };

  /** Here the session is over at once, though the object may not be reached. */
  function forget(): void {
    const { token } = memory.get(session.key) ?? {};
    if (token) memory.reject(session.key, token);
  }

  return {
    async signIn(credentials, options = {}) {
      const sent = plain(credentials);
      // A sign-in is never asked for twice: nobody knows whether the first question got through.
      await askForToken((owner) => owner.signIn(session, sent, options), { tries: 1 });
    },
    async adopt(tokens, options = {}) {
      const sent = plain(tokens);
      // One name for all tries, so that an adoption whose answer was lost is not made twice (F101).
      const sessionId = randomId();
      const since = clock.running();
      await askForToken((owner) => {
        const adoption = { sessionId, age: clock.running() - since };
        return owner.adopt(session, sent, { ...options, adoption });
      }, again);
    },
    async signOut() {
      forget();
      await askForToken((owner) => owner.signOut(session), again);
    },
    async removeAccount() {
      forget();
      await askForToken((owner) => owner.removeAccount(session), again);
    },
    async state() {
      const said = await ask((owner) => owner.state(session), again);
      if (isFailure(said)) throw fromWireError(said.error);
      demand(said.snapshot, "Worker and Durable Object are of different versions", "Deploy both");
      return JSON.parse(JSON.stringify(said.snapshot), bareAndFrozen);
    },
  };
}

/** Plain data for the object: an instance of a class goes as its members (F102). */
function plain<Data>(data: Data): Data {
  try {
    return structuredClone(data);
  } catch {
    throw because(
      "invalid_option",
      "functions, promises and the like cannot be cloned, and so not be sent to the Durable Object",
      "Pass plain data",
    );
  }
}
