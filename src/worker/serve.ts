/**
 * The worker's part: it holds the vaults, one for each account that a page asks for, and answers the
 * pages. What they send is narrowed and capped before it is looked at (S10).
 */
import { broadcastChannel } from "../channels/broadcast.ts";
import { toAdoption } from "../guard/adoption.ts";
import { isObject } from "../guard/claims.ts";
import { skewOf } from "../grant/lifetime.ts";
import { randomId } from "../guard/random.ts";
import { systemClock } from "../refresh/clock.ts";
import { check, isVaultError, VaultError } from "../errors.ts";
import { webLocks } from "../locks/web-locks.ts";
import { endpointOf } from "../request/endpoint.ts";
import { tellBare } from "../request/bare.ts";
import { createPolicy } from "../request/policy.ts";
import { encrypted } from "../stores/encrypted.ts";
import { indexedDbStore } from "../stores/indexeddb.ts";
import type { VaultOptions } from "../types.ts";
import { checkParts } from "../vault/vault.ts";
import { type Account, createAccount } from "./account.ts";
import { createAccounts } from "./accounts.ts";
import { createHold, type Extendable } from "./hold.ts";
import { isText, toTime } from "./narrow.ts";
import { type Answer, type Question, VERSION, type WireError } from "./protocol.ts";
import { createNudge, holdLock } from "./signs.ts";

/** As in `tokenkeep/browser`; a page says which account it means. */
export interface ServeOptions<Credentials = never>
  extends
    Partial<Omit<VaultOptions<Credentials>, "account" | "provider">>,
    Pick<VaultOptions<Credentials>, "provider"> {
  /** Gives no token to any page; for service workers, which attach it. `false` by default. */
  readonly isolated?: boolean;
}

/** As much of a service worker's `FetchEvent` as is needed. */
interface FetchEventLike extends Extendable {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

/** What {@link serveVault} gives: for a service worker's `fetch` event, and for a page's fallback. */
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

interface Scope {
  readonly document?: unknown;
  readonly registration?: unknown;
  readonly clients?: {
    claim(): Promise<void>;
    matchAll(options: { type: "all" }): Promise<readonly { readonly id: string }[]>;
  };
  addEventListener?(type: string, listener: (event: WorkerEvent) => void): void;
}

interface WorkerEvent extends Partial<Extendable> {
  readonly data: unknown;
  readonly ports: readonly MessagePort[];
  /** The page, where a service worker is told. */
  readonly source?: { readonly id?: string } | null;
}

/** Whether this worker's messages are answered already. */
let listens = false;

/** The methods of the vault that a page may call, each with how an abort reaches it. */
const methods = {
  signIn: ({ vault }, [credentials], signal) => vault.signIn(credentials as never, { signal }),
  // A page that has lost an answer asks again, by the same name (F101).
  adopt: ({ engine }, [tokens, adoption]) => engine.adopt(tokens as never, toAdoption(adoption)),
  getToken: ({ vault }, [need], signal) => {
    const rejected = (need as { rejected?: unknown } | null)?.rejected;
    return vault.getToken({ signal, ...(typeof rejected === "string" && { rejected }) });
  },
  authorization: ({ vault }, _, signal) => vault.authorization({ signal }),
  signOut: ({ vault }) => vault.signOut(),
  accounts: ({ vault }) => vault.accounts(),
  removeAccount: ({ vault }, [of]) => vault.removeAccount(of as string),
} satisfies Record<
  string,
  (account: Account, args: readonly unknown[], signal: AbortSignal) => Promise<unknown>
>;

/**
 * Runs the vault in this worker, for all pages that connect: a `SharedWorker`, a service worker or
 * a dedicated one. Call it once, at the top level of the worker's file, with one provider.
 *
 * In a service worker refreshes begin only while an event holds it, so that none is cut off.
 *
 * @param options as for `createVault` of `tokenkeep/browser`, without `account`. `isolated`, `false`
 * by default: no page is given a token.
 * @returns `attachTokens`, for a service worker's `fetch` event
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
  const { isolated = false, ...given } = options;
  const scope = globalThis as Scope;
  const inServiceWorker = !!scope.registration && !!scope.clients;
  const { hold, extend, isHeld } = createHold();
  const settings = {
    store: encrypted(indexedDbStore()),
    lock: webLocks(),
    channel: broadcastChannel(),
    // Nothing holds a service worker for its own timers.
    refreshAhead: !inServiceWorker,
    ...given,
    online: given.online ?? (() => navigator.onLine !== false),
    isHeldOpen: () => !inServiceWorker || isHeld(),
    waitUntil(promise: Promise<unknown>) {
      extend(promise);
      given.waitUntil?.(promise);
    },
  } as VaultOptions<never>;
  checkParts(settings);
  check(!isolated || inServiceWorker, "isolated, which needs a service worker");
  const { provider, clock = systemClock } = settings;
  const clockError = toWire(new VaultError("clock_unknown", undefined, { status: 401 }));
  const policy = createPolicy(provider, given.dangerouslyAllowLoopbackHttp);
  const scheme = provider.scheme ?? "Bearer";
  const owner = randomId();
  const nudge = createNudge();
  let latest = 0;
  const count = (): number => (latest += 1);
  const accounts = createAccounts((name) => createAccount(name, { owner, count, settings, nudge }));

  const locked = holdLock("tokenkeep:" + owner);

  async function act(
    account: Account,
    type: string,
    args: readonly unknown[],
    signal: AbortSignal,
    client: string | undefined,
  ): Promise<unknown> {
    const { vault, engine, look } = account;
    if (type === "state") {
      if (args[0] || vault.snapshot().status === "loading") look();
      // So that a page's first requests come here too. It rejects where this is not the active one.
      if (isolated) await scope.clients!.claim().catch(() => {});
      return undefined;
    }
    if (type === "token") {
      const { url, method, sessionId, generation, date, passed, waited } = args[0] as Record<
        string,
        unknown
      >;
      // No token, where none may go (S1). Judged here alone: pages may be of other versions.
      if (!isText(url)) return undefined;
      if (!policy(url)) {
        tellBare(policy, url, account.tellBare);
        return undefined;
      }
      if (isolated) return isControlled(client);
      // What is no generation names no token.
      const rejected =
        isText(sessionId) && Number.isSafeInteger(generation)
          ? { sessionId, generation: Number(generation) }
          : undefined;
      const salt = rejected?.sessionId ?? account.session;
      const asked = Promise.resolve(
        engine.getToken({
          signal,
          rejected,
          endpoint: salt && isText(method) ? endpointOf(salt, method, url) : undefined,
          passed: Number.isSafeInteger(passed) ? Number(passed) : undefined,
          isHandedOn: true,
          waited: Number(waited) > 0 ? Number(waited) : undefined,
          date: toTime(date),
        }),
      );
      // What cannot be renewed asks the application by its state and an event; the 401 is the answer.
      const token = await (rejected && !provider.renewal ? asked.catch(() => undefined) : asked);
      account.session = token?.sessionId;
      return (
        token && {
          authorization: `${scheme} ${token.accessToken}`,
          sessionId: token.sessionId,
          generation: token.generation,
          ...(rejected &&
            provider.renewal?.selfSigned &&
            skewOf(toTime(date), clock.now()) === undefined && { clockError }),
        }
      );
    }
    check(!isolated || !/^(getToken|authorization)$/.test(type), "tokens stay in the worker");
    if (!Object.hasOwn(methods, type)) throw new VaultError("worker_unavailable");
    return methods[type as keyof typeof methods](account, args, signal);
  }

  /** The page's own request comes by, and gets its token then; or it never would. */
  async function isControlled(client: string | undefined): Promise<undefined> {
    const pages = await scope.clients!.matchAll({ type: "all" });
    if (!pages.some(({ id }) => id === client)) throw new VaultError("worker_unavailable");
  }

  async function answer(
    question: Record<string, unknown>,
    signal: AbortSignal,
    client: string | undefined,
  ): Promise<Answer> {
    const { type, account: name, args, seen } = question as Partial<Question>;
    let account: Account | undefined;
    let lock: string | undefined;
    const end = (said: Pick<Answer, "value" | "error">): Answer => {
      const known = isObject(seen) ? seen : undefined;
      const state = account?.news(known, { lock, isolated }, type === "state");
      return { tokenkeep: VERSION, ...said, ...(state && { state }) };
    };
    try {
      if (question["tokenkeep"] !== VERSION) throw new VaultError("worker_unavailable");
      lock = await locked;
      check(isText(args), "argument");
      const parsed: unknown = JSON.parse(args);
      check(Array.isArray(parsed), "argument");
      // The vault looks at the name.
      return await accounts.use(name as string, async (named) => {
        account = named;
        return end({ value: await act(named, String(type), parsed, signal, client) });
      });
    } catch (error) {
      return end({ error: toWire(error) });
    }
  }

  /** Anybody may send anything: what does not speak our language is not for us. */
  function hear({ data, ports, source }: WorkerEvent, event?: Extendable): void {
    const [port] = ports;
    if (!isObject(data) || !("tokenkeep" in data) || !port) return;
    const controller = new AbortController();
    port.addEventListener("message", () => controller.abort());
    port.start();
    hold(
      answer(data, controller.signal, source?.id).then((said) => port.postMessage(said)),
      event,
    );
  }

  // A window's messages come from anywhere: there only `postMessage` below is listened to.
  if (!scope.document && scope.addEventListener) {
    // Two would both answer, and a password might go to the wrong API.
    check(!listens, "serveVault, which was called before: one provider for each worker");
    listens = true;
    scope.addEventListener("message", (event) =>
      hear(event, event.waitUntil && (event as Extendable)),
    );
    scope.addEventListener("connect", ({ ports: [port] }) => {
      port!.addEventListener("message", ({ data, ports }) => hear({ data, ports }));
      port!.start();
    });
  }
  // Pages that have heard nothing since the worker before this one ended ask again.
  nudge();

  return {
    postMessage: (data, ports) => hear({ data, ports }),
    attachTokens(given, account = "default") {
      const event = given as unknown as FetchEventLike;
      const { request } = event;
      if (
        request.mode === "navigate" ||
        request.mode === "no-cors" ||
        // The page's own files may lie on a listed origin: they need no session.
        request.destination ||
        request.headers.has("authorization") ||
        !policy(request.url)
      )
        return false;
      // Held before anything begins.
      const response = Promise.resolve()
        .then(() => accounts.use(account, ({ vault }) => vault.fetch(request)))
        .catch(toResponse);
      event.respondWith(response);
      hold(response, event);
      return true;
    },
  };
}

/** Fixed messages only: what a provider or a store throws may hold anything (S4). */
function toWire(error: unknown): WireError {
  const { code, message, status, retryAfter, reason } = isVaultError(error)
    ? error
    : new VaultError(error instanceof TypeError ? "invalid_option" : "store_unavailable");
  return { code, message, status, retryAfter, reason };
}

/** A typed error as a reply that `readProblem` reads: nothing else crosses `respondWith`. */
function toResponse(error: unknown): Response {
  if (!isVaultError(error)) throw error;
  const { code, message, retryAfter } = error;
  return Response.json(
    { error: { code, message } },
    {
      status: /^(no_session|sign_in_required)$/.test(code) ? 401 : 503,
      statusText: "tokenkeep",
      headers: retryAfter === undefined ? {} : { "retry-after": `${Math.ceil(retryAfter / 1000)}` },
    },
  );
}
