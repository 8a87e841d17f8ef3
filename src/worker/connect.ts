/**
 * The page's part: a vault whose engine is elsewhere. It keeps no token; each one is asked for when it
 * is about to be sent.
 */
import { randomId } from "../guard/random.ts";
import { isAccount } from "../guard/syntax.ts";
import type { Snapshot, Vault, VaultEvent } from "../vault/vault.ts";
import { areTexts, isText, isTicket, toState, toWireError } from "./narrow.ts";
import { type Answer, NUDGES, type State, VERSION, type WireError } from "./protocol.ts";
import { createSend } from "./send.ts";

/** Where questions go: a worker, a port to one, or what `serveVault` gives. */
export interface VaultPort {
  postMessage(question: unknown, ports: MessagePort[]): void;
}

/** What a page starts: a `SharedWorker`, a `Worker`, or a service worker's registration. */
export type VaultWorker = VaultPort | { readonly port: VaultPort } | { readonly active: unknown };

export interface ConnectOptions {
  /**
   * Loads the module that stands in where the worker cannot be had. It exports, as `vault`, what
   * `serveVault` gives: the worker's own file will do. None by default: then calls reject with `worker_unavailable`.
   */
  readonly fallback?: () => Promise<{ readonly vault: VaultPort }>;
  /** As in `createVault`; `"default"` by default. */
  readonly account?: string;
  /**
   * How long the worker may take for its first answer, milliseconds; 5,000 by default. Without a
   * fallback it is asked twice. Any other answer may take 25 seconds more: raise it by what the worker's `patience` is above 20,000 ms.
   */
  readonly timeout?: number;
  /** As in `createVault`. */
  readonly maxReplayBytes?: number;
}

/** A `VaultError` to `isVaultError` and `instanceof`, without the class's table of messages, which stays elsewhere. */
const toError = ({
  code = "worker_unavailable",
  message = "Cannot reach the worker. Nothing is lost: try again.",
  status,
  retryAfter,
  reason,
}: Partial<WireError> = {}): Error =>
  Object.defineProperty(
    Object.assign(new Error(message), { name: "VaultError", code, status, retryAfter, reason }),
    Symbol.for("tokenkeep.error"),
    { value: true },
  );

/** No answer comes any more. A reason of its own: a caller may abort with anything, `null` too (F48). */
const LOST = {};

/** What a worker says went wrong. */
const fail = (said: unknown): never => {
  throw toError(toWireError(said));
};

/**
 * Connects this page to the vault that a worker runs (`serveVault`). What comes back behaves as the
 * vault of `createVault` does, and lives on when the page that asked for a refresh is closed.
 *
 * @param start starts the worker, or finds it. A function, because a constructor may throw. It is
 * called again when the worker has ended.
 * @throws VaultError `invalid_option` when `account` is wrong. Calls reject with code
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
  { account = "default", timeout = 5_000, fallback, maxReplayBytes }: ConnectOptions = {},
): Vault<Credentials> {
  if (!isAccount(account))
    throw toError({ code: "invalid_option", message: "Cannot use this account." });
  /** Who is told of events, and, without one, of a new snapshot. */
  const listeners = new Set<(event?: VaultEvent) => void>();
  const ended = new AbortController();
  // P10: patience, and the time of two requests.
  const limit = timeout + 25_000;
  let shown!: Snapshot;
  let seen: { owner: string; seq: number } | undefined;
  let link: Promise<VaultPort> | undefined;
  /** Ends what was asked over that link. */
  let gone = new AbortController();
  let channel: (BroadcastChannel & { unref?(): void }) | undefined;
  let syncs = 0;

  function show(next: Omit<Snapshot, "account">): void {
    const now = Object.freeze({ ...next, account });
    if (JSON.stringify(now) === JSON.stringify(shown)) return;
    shown = now;
    tell();
  }

  function tell(event?: VaultEvent): void {
    for (const listener of listeners) queueMicrotask(() => listener(event));
  }

  function add(listener: (event?: VaultEvent) => void): () => void {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Answers may overtake each other: what is older is known already. */
  function take({ owner, seq, news }: Partial<State> = {}): void {
    if (!owner || !news) return;
    const since = seen?.owner === owner ? seen.seq : 0;
    for (const one of news)
      if (one && one.seq > since) {
        if (one.snapshot) show(one.snapshot);
        if (one.event) tell({ ...one.event, account });
      }
    if (seq! > since) seen = { owner, seq: seq! };
  }

  function ask(
    to: Promise<VaultPort>,
    type: string,
    args: readonly unknown[],
    ms: number,
    signal?: AbortSignal | null,
  ): Promise<Answer> {
    const { port1, port2 } = new MessageChannel();
    const own = new AbortController();
    let timer: unknown;
    return new Promise<Answer>((resolve, reject) => {
      to.then((port) => {
        const question = { tokenkeep: VERSION, type, account, args: JSON.stringify(args), seen };
        if (!own.signal.aborted) port.postMessage(question, [port2]);
      }).catch(reject);
      // With `own` as the options: not listened to any more when that has ended.
      for (const one of [gone.signal, signal])
        one?.addEventListener("abort", () => own.abort(one.reason), own);
      own.signal.onabort = () => {
        port1.postMessage(0);
        reject(own.signal.reason);
      };
      timer = setTimeout(() => own.abort(LOST), ms);
      // Without a prototype: what is absent is not found on a polluted one (S15).
      port1.onmessage = ({ data }) => resolve({ __proto__: null, ...data });
    }).finally(() => {
      clearTimeout(timer as number);
      port1.close();
      own.abort();
    });
  }

  async function reach(make: () => unknown, ms: number): Promise<VaultPort> {
    const failed = new AbortController();
    const port = (async () => {
      const made = (await make()) as Worker & { [part in "vault" | "port" | "active"]?: VaultPort };
      made.addEventListener?.("error", () => failed.abort());
      return made.vault ?? made.port ?? made.active ?? made;
    })();
    const answer = await ask(port, "state", [], ms, failed.signal);
    const state = toState(answer.state)!;
    const mine = link;
    const { owner, lock, isolated } = state;
    if (!owner) throw toError();
    // It has claimed this page by now; word of that may come later.
    if (isolated && !navigator.serviceWorker.controller)
      await new Promise((resolve) => {
        navigator.serviceWorker.addEventListener("controllerchange", resolve);
      });
    take(state);
    const options = { __proto__: null, mode: "shared", signal: ended.signal } as LockOptions;
    // Granted when the worker has ended.
    if (lock) navigator.locks?.request(lock, options, () => lose(mine)).catch(() => {});
    return port;
  }

  function lose(which: unknown, reason: unknown = LOST): void {
    if (link !== which) return;
    link = undefined;
    gone.abort(reason);
    gone = new AbortController();
  }

  async function call<T>(
    type: string,
    args: readonly unknown[],
    isRight?: (value: unknown) => value is T,
    signal?: AbortSignal | null,
  ): Promise<T> {
    const until = performance.now() + limit;
    for (let tries = 4; tries; tries--) {
      ended.signal.throwIfAborted();
      signal?.throwIfAborted();
      const to = (link ??= reach(start, timeout)
        // A service worker that is just replaced answers nobody: its successor does.
        .catch(() => (fallback ? reach(fallback, limit) : reach(start, timeout)))
        .catch(() => {
          link = undefined;
          show({ status: "unavailable", persisted: true });
          throw toError();
        }));
      try {
        const said = await ask(to, type, args, until - performance.now(), signal);
        if (said.tokenkeep === VERSION) {
          take(toState(said.state));
          if (said.error) fail(said.error);
          if (!isRight || isRight(said.value)) return said.value as T;
        }
      } catch (reason) {
        if (reason !== LOST) throw reason;
      }
      // The worker has ended, is silent, or speaks another version by now.
      lose(to);
      // Credentials are not sent again unasked.
      if (type === "signIn") throw toError({ code: "sign_in_failed" });
    }
    throw toError();
  }

  async function sync(woke?: unknown): Promise<void> {
    if (syncs++) return;
    await call("state", [!!woke]).catch(() => {});
    const more = syncs > 1;
    syncs = 0;
    if (more) void sync();
  }

  show({ status: "loading", persisted: true });
  try {
    channel = new BroadcastChannel(NUDGES);
    channel.onmessage = () => void sync();
    // Where a page is rendered, Node would not end (F73).
    channel.unref?.();
  } catch {
    // Each answer brings what is new.
  }
  // With `ended` as the options: not listened to any more then.
  for (const type of ["online", "pageshow", "visibilitychange"])
    globalThis.addEventListener?.(type, sync, ended);
  void sync();

  const close = (): void => {
    ended.abort(
      toError({ code: "closed", message: "Cannot go on: the vault was closed. Make a new one." }),
    );
    lose(link, ended.signal.reason);
    channel?.close();
  };

  const method =
    <T = void>(type: string, isRight?: (value: unknown) => value is T) =>
    (...args: readonly unknown[]): Promise<T> =>
      call(type, args, isRight, (args.at(-1) as { signal?: AbortSignal } | undefined)?.signal);

  return {
    fetch: createSend({
      getTicket: (need, signal) => call("token", [need], isTicket, signal),
      onRetry: ({ sessionId, generation }) =>
        tell({ type: "retried", account, sessionId, generation, status: 401 }),
      fail,
      maxReplayBytes,
    }),
    // In JSON nothing would become `null`, which is no sign-in without an argument.
    signIn: (credentials, { signal } = {}) =>
      call("signIn", credentials === undefined ? [] : [credentials], undefined, signal),
    // One name for all tries: what was adopted, and whose answer was lost, is not adopted again (F101).
    adopt: (tokens) => call("adopt", [tokens, { sessionId: randomId(), startedAt: Date.now() }]),
    getToken: method("getToken", isText),
    authorization: method("authorization", isText),
    signOut() {
      const done = call<void>("signOut", []);
      // As in the vault: a page need not wait for it.
      done.catch(() => {});
      return done;
    },
    accounts: method("accounts", areTexts),
    removeAccount: method("removeAccount"),
    snapshot: () => shown,
    subscribe(listener) {
      listener(shown);
      return add((event) => event || listener(shown));
    },
    events: (listener) => add((event) => event && listener(event)),
    close,
    [Symbol.asyncDispose]: async () => close(),
  };
}
