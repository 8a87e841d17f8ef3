/**
 * The vault: what users hold. It wires one account's engine to `fetch`, and shows its state without
 * ever showing a token.
 */
import { check, VaultError } from "../errors.ts";
import { checkAmounts } from "../guard/amounts.ts";
import { own } from "../guard/json.ts";
import { keyOf } from "../guard/record.ts";
import { isAccount } from "../guard/syntax.ts";
import { systemClock } from "../refresh/clock.ts";
import type { Engine } from "../refresh/contract.ts";
import { createEngine } from "../refresh/engine.ts";
import { createFetch, type FetchOptions, type Follow } from "../request/fetch.ts";
import { createPolicy, type Policy } from "../request/policy.ts";
import { presentationOf } from "../request/presentation.ts";
import type { TokenName, VaultOptions } from "../types.ts";
import { createAccounts } from "./accounts.ts";
import type { Vault, VaultEvent } from "./contract.ts";
import { createGetToken } from "./handed-out.ts";
import { createListeners, type Listeners } from "./listeners.ts";
import { createRemoval } from "./removal.ts";
import { createSnapshots } from "./snapshot.ts";

export type { Snapshot, Vault, VaultEvent } from "./contract.ts";

function checkAccount(name: unknown): asserts name is string {
  check(isAccount(name), "account, of 1 to 256 characters");
}

/** Checks provider, store and amounts, for every kind of vault. */
export function checkParts({
  provider,
  store,
  patience,
  maxStaleness,
  maxReplayBytes,
}: VaultOptions<unknown>): void {
  checkAmounts({ patience, maxStaleness, maxReplayBytes });
  check(
    provider?.name && Array.isArray(provider.origins) && provider.origins.length,
    "provider, with name and a list of origins",
  );
  check(store?.shared, "store, or createVault from tokenkeep/browser, /node, /deno");
  check(
    provider.renewal?.rotation !== "strict" || store.atomic,
    "store that compares and sets, atomic where tokens rotate: leave durable: false out, or take Postgres, tokenkeep/node or tokenkeep/cloudflare",
  );
}

type Checked<Credentials> = VaultOptions<Credentials> & { readonly account: string };

function checked<Credentials>(given: VaultOptions<Credentials>): Checked<Credentials> {
  // Somebody's missing id must not become the default account, which is another's session (S11). A member
  // that is put on `Object.prototype` later on is no option (S15).
  const options = own({ account: "default", ...given });
  checkParts(options);
  checkAccount(options.account);
  return options;
}

/** The methods that begin and end the session. */
const startsAndEnds = <Credentials>(
  engine: Engine,
): Pick<Vault<Credentials>, "adopt" | "signIn" | "signOut"> => ({
  async signIn(credentials, options) {
    const { signal } = own({ ...options });
    await engine.signIn(credentials, signal);
  },
  adopt: (tokens) => engine.adopt(tokens),
  signOut(options) {
    const { untilRevoked } = own({ ...options });
    const done = engine.signOut(untilRevoked === true);
    // Here it is signed out in any case: no process ends because a page did not wait for the store.
    done.catch(() => {});
    return done;
  },
});

/** The steps of `fetch` that differ from vault to vault. */
type Steps = Pick<FetchOptions, "follow" | "onBare" | "onRetry" | "policy" | "presentation">;

/** The methods that need a token. */
function sendingBy(
  engine: Engine,
  steps: Steps,
  { provider, fetch: fetch_, maxReplayBytes, clock = systemClock }: VaultOptions<unknown>,
): Pick<Vault, "authorization" | "fetch" | "getToken"> {
  return {
    fetch: createFetch({
      ...steps,
      source: engine,
      fetch: fetch_ ?? ((...request) => fetch(...request)),
      isSelfSigned: provider.renewal?.selfSigned,
      maxReplayBytes,
      running: () => clock.running(),
    }),
    getToken: createGetToken(engine, clock),
    async authorization(options) {
      const { signal } = own({ ...options });
      return steps.presentation.show(await engine.getToken({ signal, isHandedOn: true }));
    },
  };
}

/** Tells the events of an account, each with nothing but members of its own (S15). */
const tellerOf =
  ({ tell }: Listeners, account: string) =>
  (type?: VaultEvent["type"], session?: TokenName, status?: number): void => {
    const { sessionId, generation } = own({ ...session });
    tell(type && own({ type, account, sessionId, generation, status }));
  };

/** Lets the application wake the engine; gives how that ends. Where `onWake` throws, the engine is not left open. */
function wakenBy(onWake: VaultOptions["onWake"], engine: Engine): () => void {
  let stop: unknown;
  try {
    stop = onWake?.(engine.wake);
  } catch (error) {
    engine.close().catch(() => {});
    throw error;
  }
  return () => {
    if (typeof stop === "function") stop();
  };
}

/** Makes a vault for one account. `makeFollow` is for runtimes that show redirects. */
export const createVaultWith = <Credentials>(
  options: VaultOptions<Credentials>,
  makeFollow?: (policy: Policy) => Follow,
): Vault<Credentials> => createOwnedVault(options, makeFollow).vault;

/** The same for an owner that hands tokens on, who needs the engine too. */
export function createOwnedVault<Credentials>(
  given: VaultOptions<Credentials>,
  makeFollow?: (policy: Policy) => Follow,
): { readonly vault: Vault<Credentials>; readonly engine: Engine } {
  const options = checked(given);
  const { provider, store, account, clock = systemClock } = options;
  const policy = createPolicy(provider, options.dangerouslyAllowLoopbackHttp);
  const presentation = presentationOf(provider);

  const listeners = createListeners();
  const tell = tellerOf(listeners, account);
  const made = createEngine(keyOf(provider, account), options, tell);
  const { refreshAhead, patience, online, isHeldOpen } = options;
  const around = own({ refreshAhead, patience, online, isHeldOpen, clock, tell });
  const engine = provider.wrap?.(made, around) ?? made;
  const stopWaking = wakenBy(options.onWake, engine);
  let isClosed = false;
  const listed = createAccounts(store, keyOf(provider, ""), {
    clock,
    onOddity: () => tell("unreadable"),
    isClosed: () => isClosed,
  });
  const removal = createRemoval(options);

  /** After its end a vault begins nothing, for another account neither (P21). */
  function checkOpen(): void {
    if (isClosed) throw new VaultError("closed");
  }

  const onRetry = (named: TokenName): void => tell("retried", named, 401);
  const onBare = (origin: string): void =>
    listeners.tell(own<VaultEvent>({ type: "bare", account, origin }));

  async function close(): Promise<void> {
    isClosed = true;
    try {
      stopWaking();
    } finally {
      await Promise.all([engine.close(), removal.close()]);
    }
  }

  const vault: Vault<Credentials> = {
    ...sendingBy(
      engine,
      { policy, presentation, follow: makeFollow?.(policy), onRetry, onBare },
      options,
    ),
    ...startsAndEnds(engine),
    async accounts() {
      checkOpen();
      return listed();
    },
    async removeAccount(of) {
      checkAccount(of);
      checkOpen();
      await (of === account ? engine.signOut() : removal.remove(keyOf(provider, of)));
    },
    ...createSnapshots({ engine, listeners, provider, account }),
    // What is no function throws here, where its caller sees it.
    events: (listener) => listeners.events(listener.bind(undefined)),
    // Nobody waits here, so that an error has nobody to be told to.
    close: () => void close().catch(() => {}),
    [Symbol.asyncDispose]: close,
  };
  return { vault, engine };
}
