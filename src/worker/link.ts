/** A page's way to its worker: how the worker is found, and how its end is noticed. */
import { own } from "../guard/json.ts";
import { within } from "../guard/within.ts";
import { ask, type VaultPort } from "./ask.ts";
import type { Question, State } from "./protocol.ts";
import { refusal } from "./refusal.ts";
import type { Shown } from "./shown.ts";

/** The worker of a page: a `SharedWorker`, a `Worker`, or a service worker's registration. */
export type VaultWorker = VaultPort | { readonly port: VaultPort } | { readonly active: unknown };

/** Shared by the parts of a page's vault. */
export interface Page {
  readonly start: () => VaultWorker | Promise<VaultWorker>;
  readonly fallback: (() => Promise<{ readonly vault: VaultPort }>) | undefined;
  /** How many milliseconds a worker may take for its first answer. */
  readonly timeout: number;
  /** The same for a fallback, and for any other answer. */
  readonly limit: number;
  readonly shown: Shown;
  /** Aborted when the vault is closed. */
  readonly ended: AbortSignal;
  /** Aborted when nobody needs the worker any more: the vault is closed, and none of its sign-outs is under way. */
  readonly left: AbortSignal;
  /** `args` as JSON: an array, empty by default. */
  question(type: Question["type"], args?: string): Question;
}

export interface Link {
  /** Rejects where no worker is to be had. */
  readonly port: Promise<VaultPort>;
  /** Aborted when the worker is gone, or counts as gone. */
  readonly gone: AbortController;
}

interface Reached {
  readonly port: VaultPort;
  readonly state: Partial<State>;
}

type Made = Worker & { readonly [part in "vault" | "port" | "active"]?: VaultPort };

/** Starts a worker and asks it for its state: only a worker that answers counts. */
async function startAndAsk(page: Page, make: () => unknown, limit: number): Promise<Reached> {
  const failed = new AbortController();
  const { signal } = failed;
  const port = (async () => {
    const made = (await make()) as Made;
    made.addEventListener?.("error", () => failed.abort(), { signal });
    return made.vault ?? made.port ?? made.active ?? made;
  })();
  try {
    const waiting = { limit, gone: signal, givenUp: [page.left] };
    const { tokenkeep, state } = await ask(port, () => page.question("state"), waiting);
    if (!tokenkeep || !state?.owner) throw refusal();
    return { port: await port, state };
  } finally {
    // A service worker's registration outlives each worker that is found by it.
    failed.abort();
  }
}

/** An isolating worker has claimed this page by now, and the event that says so may come later. */
async function waitForControl(limit: number): Promise<void> {
  const { serviceWorker } = navigator;
  if (serviceWorker.controller) return;
  const over = new AbortController();
  const changed = new Promise((resolve) => {
    serviceWorker.addEventListener("controllerchange", resolve, { signal: over.signal });
  });
  const hasCome = await within(changed, limit);
  over.abort();
  if (!hasCome) throw refusal();
}

/** The error of a failed start says nothing to a caller, and may hold a secret. */
async function find(page: Page): Promise<Reached> {
  const { start, fallback, timeout, limit, left } = page;
  try {
    return await startAndAsk(page, start, timeout);
  } catch {
    left.throwIfAborted();
  }
  try {
    // A service worker that is just replaced answers nobody: its successor does.
    return await (fallback
      ? startAndAsk(page, fallback, limit)
      : startAndAsk(page, start, timeout));
  } catch {
    throw refusal();
  }
}

async function establish(page: Page, gone: AbortController): Promise<VaultPort> {
  const { timeout, left, shown } = page;
  const { port, state } = await find(page);
  // Without control no token would be attached, and no fallback would attach one either.
  if (state.isolated) await waitForControl(timeout);
  shown.take(state);
  const options = own<LockOptions>({ mode: "shared", signal: left });
  // Granted when the worker has ended.
  if (state.lock) navigator.locks?.request(state.lock, options, () => gone.abort()).catch(() => {});
  return port;
}

/** Keeps one link for all questions, and makes the next when it is gone; none for a closed vault. */
export function createLink(page: Page): () => Link {
  let current: Link | undefined;

  return () => {
    page.left.throwIfAborted();
    if (current) return current;
    const gone = new AbortController();
    const port = establish(page, gone);
    const drop = (): void => {
      if (current?.port === port) current = undefined;
    };
    gone.signal.addEventListener("abort", drop);
    port.catch(() => {
      drop();
      if (!page.ended.aborted) page.shown.show({ status: "unavailable", persisted: true });
    });
    current = { gone, port };
    return current;
  };
}
