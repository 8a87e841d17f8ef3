/**
 * The page's part: a vault whose engine runs in a worker. The page keeps no token, and asks for one when a
 * request is about to be sent.
 */
import { isAmount } from "../guard/amounts.ts";
import { shortHash } from "../guard/hash.ts";
import { isObject, own } from "../guard/json.ts";
import { randomId } from "../guard/random.ts";
import { createRecent } from "../guard/recent.ts";
import { isAccount } from "../guard/syntax.ts";
import { MAX_REPLAY } from "../request/body.ts";
import type { Vault } from "../vault/contract.ts";
import { activation, isPrerendered } from "./activation.ts";
import { ask, type VaultPort } from "./ask.ts";
import { type Closing, createClosing } from "./closing-page.ts";
import { createLink, type Link, type Page, type VaultWorker } from "./link.ts";
import { isRight, isText } from "./narrow.ts";
import { type Answers, NUDGES, VERSION } from "./protocol.ts";
import { refusal } from "./refusal.ts";
import { createSend } from "./send.ts";
import { createShown, type Shown } from "./shown.ts";

export type { VaultPort } from "./ask.ts";
export type { VaultWorker } from "./link.ts";

/** The options of {@link connectVault}. */
export interface ConnectOptions {
  /**
   * Loads a module that runs the vault in the page where no worker can be had. The module exports as `vault`
   * the object that `serveVault` gives: the worker's own file will do. Without a fallback, which is the
   * default, calls then reject with `worker_unavailable`.
   */
  readonly fallback?: () => Promise<{ readonly vault: VaultPort }>;
  /** As in `createVault`; `"default"` by default. */
  readonly account?: string;
  /**
   * How many milliseconds the worker may take for its first answer; 5,000 by default. Without a fallback the
   * worker is asked twice. Any other answer may take 25 seconds more: where the worker's `patience` is above
   * 20,000 ms, raise this option by the difference.
   */
  readonly timeout?: number;
  /** As in `createVault`. */
  readonly maxReplayBytes?: number;
}

/** How many milliseconds a call may take once the worker is there: its patience, and two requests (P10). */
const LONGEST_CALL = 25_000;

/** How many workers may end under one call. */
const MOST_TRIES = 4;

/** Asks the worker for something, and its successor if that worker ends. */
type Call = <Type extends keyof Answers>(
  type: Type,
  args: readonly unknown[],
  signal?: AbortSignal | null,
) => Promise<Answers[Type]>;

/** Questions that nobody needs to wait for, and that `close()` does not give up. */
const isSignOut = (type: keyof Answers): boolean => type === "signOut" || type === "removeAccount";

/** A question's arguments as JSON. */
function toJson(args: readonly unknown[]): string {
  try {
    return JSON.stringify(args);
  } catch {
    const message = "Cannot ask the worker: this is no JSON. Pass plain data.";
    throw refusal({ code: "invalid_option", message });
  }
}

function createCall(page: Page): Call {
  const { limit, ended, left, shown } = page;
  const linked = createLink(page);

  /** A worker that was slow with one question may be there for all others. */
  async function ping({ port, gone }: Link): Promise<void> {
    const waiting = { limit: page.timeout, gone: gone.signal, givenUp: [ended] };
    const reply = await ask(port, () => page.question("state"), waiting).catch(() => undefined);
    if (reply?.tokenkeep) shown.take(reply.state);
    else gone.abort();
  }

  return async (type, args, signal) => {
    ended.throwIfAborted();
    // Now: what its caller changes while the worker is found is not what was asked for (F68).
    const text = toJson(args);
    const givenUp = [isSignOut(type) ? left : ended, signal];
    // Its time begins when the page is opened.
    if (isPrerendered()) await activation(givenUp);
    const until = performance.now() + limit;
    const isOfType = isRight[type];
    for (let tries = 0, isLate = false; tries < MOST_TRIES && !isLate; tries++) {
      const link = linked();
      const { port, gone } = link;
      const waiting = { limit: until - performance.now(), gone: gone.signal, givenUp };
      const reply = await ask(port, () => page.question(type, text), waiting);
      if (reply.tokenkeep) {
        shown.take(reply.state);
        if (reply.error) throw refusal(reply.error);
        if (isOfType(reply.value)) return reply.value;
      }
      ({ isLate } = reply);
      if (isLate) void ping(link);
      else gone.abort();
      // Credentials are not sent again unasked.
      if (type === "signIn") throw refusal({ code: "sign_in_failed" });
    }
    throw refusal();
  };
}

/** Asks for the state whenever something may be new. */
function listen(call: Call, account: string, ended: AbortSignal): void {
  let isAsking = false;
  let isAgain = false;
  let isWoken = false;

  /** All nudges and wake-ups that come meanwhile make one more question. */
  async function sync(woke?: Event): Promise<void> {
    isWoken ||= woke !== undefined;
    isAgain = isAsking;
    if (isAsking) return;
    isAsking = true;
    const args = [isWoken];
    isWoken = false;
    await call("state", args).catch(() => {});
    isAsking = false;
    if (isAgain) void sync();
  }

  try {
    const channel: BroadcastChannel & { unref?(): void } = new BroadcastChannel(NUDGES);
    // Without this, Node would not end where it renders a page (F73).
    channel.unref?.();
    // A nudge that names another account is not for this page.
    channel.onmessage = ({ data }) => {
      const isAnothers = isText(data) && data !== account;
      if (!isAnothers) void sync();
    };
    ended.addEventListener("abort", () => channel.close());
  } catch {
    // Each answer brings the news.
  }
  for (const type of ["online", "pageshow", "visibilitychange"])
    globalThis.addEventListener?.(type, sync, { signal: ended });
  void sync();
}

type Asked<Credentials> = Omit<
  Vault<Credentials>,
  "close" | "events" | "fetch" | "snapshot" | "subscribe" | typeof Symbol.asyncDispose
>;

/** JSON has none of these. */
const NO_JSON: ReadonlySet<string> = new Set(["undefined", "function", "symbol"]);

/** Members that JSON would drop: to a provider, one that is missing is not one that is absent (S17). */
const missingIn = (credentials: unknown): string[] =>
  isObject(credentials)
    ? Object.keys(credentials).filter((name) => NO_JSON.has(typeof credentials[name]))
    : [];

/** How many tokens that were handed out are remembered, by a hash. */
const MOST_TOKENS = 64;

/** A worker that has begun anew does not know whose token it is that comes back as rejected: the page does (F103). */
function createAskForToken(call: Call, session: Shown["session"]): Vault["getToken"] {
  const sessions = createRecent<string>(MOST_TOKENS);
  return async (options) => {
    const { rejected, signal } = own({ ...options });
    const begunIn =
      (isText(rejected) ? sessions.peek(shortHash(rejected)) : undefined) ?? session();
    const token = await call("getToken", [{ rejected, begunIn }], signal);
    const now = session();
    if (now !== undefined) sessions.set(shortHash(token), now);
    return token;
  };
}

/** The methods that the worker carries out. */
const askedBy = <Credentials>(
  call: Call,
  { session }: Shown,
  { linger }: Closing,
): Asked<Credentials> => ({
  // In JSON an absent argument would become `null`, which is no sign-in without an argument.
  signIn: (credentials, options) =>
    call(
      "signIn",
      credentials === undefined ? [] : [credentials, missingIn(credentials)],
      own({ ...options }).signal,
    ),
  // One name for all tries, so that an adoption whose answer was lost is not made twice (F101).
  adopt: (tokens) => call("adopt", [tokens, { sessionId: randomId(), startedAt: Date.now() }]),
  getToken: createAskForToken(call, session),
  authorization: (options) =>
    call("authorization", [{ begunIn: session() }], own({ ...options }).signal),
  signOut(options) {
    const done = linger(call("signOut", [own({ ...options }).untilRevoked === true]));
    // As in the vault: a page need not wait for it.
    done.catch(() => {});
    return done;
  },
  accounts: () => call("accounts", []),
  removeAccount: (of) => linger(call("removeAccount", [of])),
});

/**
 * Connects this page to the vault that a worker runs (`serveVault`). The vault behaves as that of
 * `createVault` does, and a refresh goes on when the page that asked for it is closed.
 *
 * @param start starts the worker, or finds it. `start` is a function because a constructor may throw, and
 * because `start` is called again when the worker has ended.
 * @throws VaultError `invalid_option` when an option is wrong. Calls reject with code
 * `worker_unavailable` where neither worker nor fallback is to be had.
 *
 * @example
 * ```ts
 * import type { PasswordCredentials } from "tokenkeep/providers/password";
 * import { connectVault } from "tokenkeep/worker";
 *
 * const vault = connectVault<PasswordCredentials>(
 *   () => new SharedWorker(new URL("./vault.worker.ts", import.meta.url), { type: "module" }),
 * );
 * ```
 */
export function connectVault<Credentials = never>(
  start: () => VaultWorker | Promise<VaultWorker>,
  options: ConnectOptions = {},
): Vault<Credentials> {
  // What is put on `Object.prototype` is no option (S15). An id that is missing is not everybody's (S11).
  const given = own({ account: "default", ...own(options) });
  const { account, timeout = 5_000, fallback, maxReplayBytes = MAX_REPLAY } = given;
  if (!isAccount(account))
    throw refusal({ code: "invalid_option", message: "Cannot use this account." });
  if (![timeout, maxReplayBytes].every(isAmount))
    throw refusal({
      code: "invalid_option",
      message: "Cannot use this timeout or maxReplayBytes. Pass numbers from 0 on.",
    });
  const closing = createClosing();
  const { ended, left } = closing;
  const shown = createShown(account);
  const limit = timeout + LONGEST_CALL;
  const question: Page["question"] = (type, args = "[]") => ({
    tokenkeep: VERSION,
    type,
    account,
    args,
    seen: shown.seen(),
  });
  const call = createCall({ start, fallback, timeout, limit, shown, ended, left, question });
  listen(call, account, ended);

  function close(): Promise<void> {
    const message = "Cannot go on: the vault was closed. Make a new one.";
    return closing.close(refusal({ code: "closed", message }));
  }

  return {
    fetch: createSend({
      getTicket: (need, signal) => call("token", [need], signal),
      session: shown.session,
      onRetry: ({ sessionId, generation }) =>
        shown.tell({ type: "retried", account, sessionId, generation, status: 401 }),
      maxReplayBytes,
    }),
    ...askedBy<Credentials>(call, shown, closing),
    ...shown.methods,
    close: () => void close(),
    [Symbol.asyncDispose]: close,
  };
}
