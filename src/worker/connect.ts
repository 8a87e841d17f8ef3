/**
 * The page's part: a vault whose engine is elsewhere. It keeps no token; each one is asked for when it
 * is about to be sent.
 */
import type { Snapshot, Vault, VaultEvent } from "../vault.ts";
import { areTexts, isText, isTicket, toState } from "./narrow.ts";
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
   * `serveVault` gives: the worker's own file will do. Without it, calls reject with `worker_unavailable`.
   */
  readonly fallback?: () => Promise<{ readonly vault: VaultPort }>;
  /** As in `createVault`; `"default"` by default. */
  readonly account?: string;
  /**
   * How long the worker may take for its first answer, milliseconds; 5,000 by default. Any other may
   * take 25 seconds more: raise it by what the worker's `patience` is above 20,000 ms.
   */
  readonly timeout?: number;
}

/** A `VaultError` to `isVaultError`, without the class's table of messages, which stays elsewhere. */
const toError = ({
  code = "worker_unavailable",
  message = "No vault worker: try again",
  status,
  retryAfter,
}: Partial<WireError> = {}): Error =>
  Object.defineProperty(
    Object.assign(new Error(message), { name: "VaultError", code, status, retryAfter }),
    Symbol.for("tokenkeep.error"),
    { value: true },
  );

const closed = (): Error => toError({ code: "closed", message: "Vault closed: make a new one" });

function add<T>(set: Set<T>, one: T): () => void {
  set.add(one);
  return () => void set.delete(one);
}

/** For what has no result. */
const isVoid = <T>(_value: unknown): _value is T => true;

/**
 * Connects this page to the vault that a worker runs (`serveVault`). What comes back behaves as the
 * vault of `createVault` does, and lives on when the page that asked for a refresh is closed.
 *
 * @param start starts the worker, or finds it. A function, because a constructor may throw. It is
 * called again when the worker has ended.
 * @throws nothing; calls reject with code `worker_unavailable` where neither worker nor fallback is
 * to be had.
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
  { fallback, account = "default", timeout = 5_000 }: ConnectOptions = {},
): Vault<Credentials> {
  const observers = new Set<(event: VaultEvent) => void>();
  const listeners = new Set<() => void>();
  /** How each question without an answer is given up. */
  const open = new Set<(reason: unknown) => void>();
  const ended = new AbortController();
  // P10: patience, and the time of two requests.
  const limit = timeout + 25_000;
  let shown: Snapshot = Object.freeze({ status: "loading", account, persisted: true });
  let seen: { owner: string; seq: number } | undefined;
  let link: Promise<VaultPort> | undefined;
  let channel: BroadcastChannel | undefined;
  let syncs = 0;

  function show(next: Snapshot): void {
    shown = Object.freeze(next);
    listeners.forEach(queueMicrotask);
  }

  function tell(event: VaultEvent): void {
    for (const observer of observers) queueMicrotask(() => observer(event));
  }

  /** Answers may overtake each other: what is older is known already. */
  function take({ owner, seq, news }: State): void {
    const since = seen?.owner === owner ? seen.seq : 0;
    for (const one of news)
      if (one.seq > since) {
        if (one.snapshot) show(one.snapshot);
        if (one.event) tell(one.event);
      }
    if (seq > since) seen = { owner, seq };
  }

  function ask(
    to: Promise<VaultPort>,
    type: string,
    args: readonly unknown[],
    ms: number,
    signal?: AbortSignal | null,
  ): Promise<Answer> {
    const { port1, port2 } = new MessageChannel();
    let giveUp!: (reason?: unknown) => void;
    let timer: unknown;
    const abort = (): void => giveUp(signal!.reason);
    return new Promise<Answer>((resolve, reject) => {
      signal?.throwIfAborted();
      signal?.addEventListener("abort", abort);
      giveUp = (reason) => {
        port1.postMessage(0);
        reject(reason);
      };
      open.add(giveUp);
      timer = setTimeout(giveUp, ms);
      port1.onmessage = ({ data }) => resolve(Object(data));
      to.then((port) => {
        const question = { tokenkeep: VERSION, type, account, args: JSON.stringify(args), seen };
        if (open.has(giveUp)) port.postMessage(question, [port2]);
      }).catch(reject);
    }).finally(() => {
      clearTimeout(timer as number);
      open.delete(giveUp);
      signal?.removeEventListener("abort", abort);
      port1.close();
    });
  }

  async function reach(make: () => unknown, ms: number): Promise<VaultPort> {
    const failed = new AbortController();
    const port = (async () => {
      const made = (await make()) as Worker & { port?: VaultPort; active?: VaultPort };
      made.addEventListener?.("error", () => failed.abort());
      return made.port ?? made.active ?? made;
    })();
    const answer = await ask(port, "state", [], ms, failed.signal);
    const state = toState(answer.state, account)!;
    const mine = link;
    const { lock, isolated } = state;
    // It has claimed this page by now; word of that may come later.
    if (isolated && !navigator.serviceWorker.controller)
      await new Promise((resolve) => {
        navigator.serviceWorker.addEventListener("controllerchange", resolve);
      });
    take(state);
    if (lock)
      (async () => {
        // Granted when the worker has ended.
        const options = { __proto__: null, mode: "shared", signal: ended.signal };
        await navigator.locks.request(lock, options as LockOptions, () => {});
        lose(mine);
      })().catch(() => {});
    return port;
  }

  function connect(): Promise<VaultPort> {
    if (ended.signal.aborted) return Promise.reject(closed());
    return (link ??= reach(start, timeout)
      .catch((error) => {
        if (!fallback) throw error;
        return reach(async () => (await fallback()).vault, limit);
      })
      .catch(() => {
        link = undefined;
        show({ status: "unavailable", account, persisted: true });
        throw toError();
      }));
  }

  function lose(which: unknown, reason?: unknown): void {
    if (link !== which) return;
    link = undefined;
    for (const giveUp of open) giveUp(reason);
  }

  async function call<T>(
    type: string,
    args: readonly unknown[],
    isRight: (value: unknown) => value is T = isVoid,
    signal?: AbortSignal | null,
  ): Promise<T> {
    const until = performance.now() + limit;
    for (let again = true; ; again = false) {
      const to = connect();
      try {
        const { tokenkeep, value, error, state } = await ask(
          to,
          type,
          args,
          until - performance.now(),
          signal,
        );
        if (tokenkeep !== VERSION) throw undefined;
        const news = toState(state, account);
        if (news) take(news);
        if (error) throw toError(error);
        if (isRight(value)) return value;
        throw toError();
      } catch (reason) {
        if (reason) throw reason;
        // The worker has ended, is silent, or speaks another version by now.
        lose(to);
        // Credentials are not sent again unasked.
        if (type === "signIn") throw toError({ code: "sign_in_failed" });
        if (!again) throw toError();
      }
    }
  }

  async function sync(woke?: unknown): Promise<void> {
    if (syncs++) return;
    do {
      syncs = 1;
      await call("state", [!!woke]).catch(() => {});
    } while (syncs > 1);
    syncs = 0;
  }

  try {
    channel = new BroadcastChannel(NUDGES);
    channel.onmessage = () => void sync();
  } catch {
    // Each answer brings what is new.
  }
  for (const type of ["online", "pageshow", "visibilitychange"])
    globalThis.addEventListener?.(type, sync, { signal: ended.signal });
  void sync();

  function close(): void {
    lose(link, closed());
    channel?.close();
    ended.abort();
  }

  const method =
    <T = void>(type: string, isRight: (value: unknown) => value is T = isVoid) =>
    (...args: readonly unknown[]): Promise<T> =>
      call(type, args, isRight, (args.at(-1) as { signal?: AbortSignal } | undefined)?.signal);

  return {
    fetch: createSend(
      (url, signal, { sessionId, generation } = {}) =>
        call("token", [{ url, sessionId, generation }], isTicket, signal),
      ({ sessionId, generation }) =>
        tell({ type: "retried", account, sessionId, generation, status: 401 }),
    ),
    signIn: method("signIn"),
    adopt: method("adopt"),
    getToken: method("getToken", isText),
    authorization: method("authorization", isText),
    signOut: method("signOut"),
    accounts: method("accounts", areTexts),
    removeAccount: method("removeAccount"),
    snapshot: () => shown,
    subscribe(listener) {
      // A function of its own for each call: the same listener may subscribe twice.
      const notify = (): void => listener(shown);
      notify();
      return add(listeners, notify);
    },
    events: (listener) => add(observers, (event) => listener(event)),
    close,
    [Symbol.asyncDispose]: async () => close(),
  };
}
