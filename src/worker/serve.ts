/**
 * The worker's part: it holds one vault for each account that a page asks for, and answers the pages.
 */
import { broadcastChannel } from "../channels/broadcast.ts";
import { check, VaultError } from "../errors.ts";
import { isObject, own } from "../guard/json.ts";
import { randomId } from "../guard/random.ts";
import { isAccount } from "../guard/syntax.ts";
import { within } from "../guard/within.ts";
import { webLocks } from "../locks/web-locks.ts";
import { createPolicy } from "../request/policy.ts";
import { presentationOf } from "../request/presentation.ts";
import { encrypted } from "../stores/encrypted.ts";
import { indexedDbStore } from "../stores/indexeddb.ts";
import type { VaultOptions } from "../types.ts";
import { checkParts } from "../vault/vault.ts";
import { createAccount } from "./account.ts";
import { createAccounts } from "./accounts.ts";
import { type AnswerTo, createAnswers } from "./answers.ts";
import { createAttach, type FetchEventLike } from "./attach.ts";
import { createHold, type Hold } from "./hold.ts";
import { createPages } from "./pages.ts";
import { hearPages, isControlled, isServiceWorker, type Message } from "./scope.ts";
import { createNudge, holdLock } from "./signs.ts";
import { createTickets } from "./tickets.ts";

/**
 * The options of `tokenkeep/browser` without `account`, which each page names, and `isHeldOpen`, which the worker
 * knows itself.
 */
export interface ServeOptions<Credentials = never>
  extends
    Partial<Omit<VaultOptions<Credentials>, "account" | "isHeldOpen" | "provider">>,
    Pick<VaultOptions<Credentials>, "provider"> {
  /** Gives no token to any page; for a service worker, which attaches the tokens. `false` by default. */
  readonly isolated?: boolean;
}

/** Gives a service worker's `fetch` event its token, and answers a page as its fallback. */
export interface ServedVault {
  /**
   * Answers a service worker's `fetch` event with the token attached, if the page asked for it with
   * `fetch`, `XMLHttpRequest` or `EventSource` and the token may go there; otherwise the request is left
   * alone, and the answer is `false`. A `<link rel="preload" as="fetch" crossorigin>` cannot be told from
   * `fetch`. Call it in the event's own task. A vault error becomes a JSON reply that `readProblem`
   * reads: 401 where only a sign-in helps, else 503.
   */
  attachTokens(event: Event, account?: string): boolean;
  /** How a page in the same realm asks: `connectVault` does it. */
  postMessage(question: unknown, ports: readonly MessagePort[]): void;
}

/** How many milliseconds a worker's own lock may take. Without the lock pages notice the worker's end later. */
const LOCK_PATIENCE = 1_000;

/** The options of each account's vault. */
function settingsOf<Credentials>(
  given: Omit<ServeOptions<Credentials>, "isolated">,
  { extend, isHeld }: Hold,
): VaultOptions<unknown> {
  const inServiceWorker = isServiceWorker();
  const {
    store = encrypted(indexedDbStore()),
    lock = webLocks(),
    channel = broadcastChannel(),
    // Nothing holds a service worker open for its own timers.
    refreshAhead = !inServiceWorker,
    online = () => navigator.onLine !== false,
  } = given;
  return own({
    ...given,
    store,
    lock,
    channel,
    refreshAhead,
    online,
    isHeldOpen: () => !inServiceWorker || isHeld(),
    onWake(listener) {
      const stop = given.onWake?.(listener);
      globalThis.addEventListener?.("online", listener);
      return () => {
        globalThis.removeEventListener?.("online", listener);
        if (typeof stop === "function") stop();
      };
    },
    waitUntil(promise) {
      extend(promise);
      given.waitUntil?.(promise);
    },
  });
}

function createCount(): () => number {
  let latest = 0;
  return () => {
    latest += 1;
    return latest;
  };
}

/** Anybody may send anything: a message of another form is not for this vault. */
const createHearing =
  (answerTo: AnswerTo, { hold }: Hold) =>
  ({ data, ports: [port], client, event }: Message): void => {
    if (!isObject(data) || !("tokenkeep" in data) || !port) return;
    const controller = new AbortController();
    port.addEventListener("message", () => controller.abort());
    port.start();
    const answered = answerTo(data, { signal: controller.signal, client });
    hold(
      answered.then((said) => port.postMessage(said)),
      event,
    );
  };

/**
 * Runs the vault in this worker, for all pages that connect: a `SharedWorker`, a service worker or
 * a dedicated one. Call it once, at the top level of the worker's file, with one provider.
 *
 * In a service worker a refresh begins only while an event holds the worker, so that none is cut off.
 *
 * @param options those of `createVault` of `tokenkeep/browser` without `account`, and `isolated`, `false`
 * by default, with which no page is given a token
 * @returns an object to export as `vault`, with `attachTokens` for a service worker's `fetch` event
 * @throws VaultError `invalid_option` when an option is missing or wrong, or for `isolated` elsewhere
 * than in a service worker.
 *
 * @example
 * ```ts
 * import { vmcloud } from "tokenkeep/providers/vmcloud";
 * import { serveVault } from "tokenkeep/worker";
 *
 * export const vault = serveVault({ provider: vmcloud() });
 * ```
 */
export function serveVault<Credentials>(options: ServeOptions<Credentials>): ServedVault {
  const { isolated = false, ...given } = own(options);
  const hold = createHold();
  const settings = settingsOf(own(given), hold);
  checkParts(settings);
  check(!isolated || isServiceWorker(), "a service worker for isolated");
  const { provider, clock, dangerouslyAllowLoopbackHttp } = settings;
  const policy = createPolicy(provider, dangerouslyAllowLoopbackHttp);
  const presentation = presentationOf(provider);
  const owner = randomId();
  const nudge = createNudge();
  const count = createCount();
  const parts = { owner, count, settings, policy, nudge };
  const accounts = createAccounts((name) => createAccount(name, parts));

  const pages = createPages();

  /** An isolated page is given no token: its request passes this worker, which attaches the token. */
  async function isKept(client: string | undefined): Promise<boolean> {
    if (isolated && !(await isControlled(client))) throw new VaultError("worker_unavailable");
    return isolated;
  }

  const hear = createHearing(
    createAnswers({
      accounts,
      giveTicket: createTickets({ provider, policy, presentation, clock, isKept }),
      isolated,
      lock: within(holdLock("tokenkeep:" + owner), LOCK_PATIENCE),
    }),
    hold,
  );
  const attach = createAttach({ accounts, policy, presentation, hold, mayHave: pages.mayHave });
  hearPages((message) => {
    pages.note(message);
    hear(message);
  });
  // Pages that have heard nothing since the end of the worker before this one ask again.
  nudge();

  return {
    postMessage: (data, ports) => hear({ data, ports }),
    attachTokens(event, ...named) {
      // An id that is missing is not everybody's (S11).
      const [account] = named.length > 0 ? named : ["default"];
      check(isAccount(account), "account, of 1 to 256 characters");
      return attach(event as unknown as FetchEventLike, account);
    },
  };
}
