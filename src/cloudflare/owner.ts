/**
 * The inside of the Durable Object: the core's engine over the object's storage, its alarm, and what it
 * publishes to KV. One object serves one session key for ever.
 */
import { decodeClaims } from "../engine/claims.ts";
import { systemClock } from "../engine/clock.ts";
import type { Engine } from "../engine/contract.ts";
import { nextLook } from "../engine/decide.ts";
import { createEngine } from "../engine/engine.ts";
import { isVaultError, VaultError } from "../errors.ts";
import { isSecure } from "../policy.ts";
import { durableObjectStore, type DurableStorage } from "../stores/durable-object.ts";
import type { KvNamespace } from "../stores/cloudflare-kv.ts";
import { encrypted } from "../stores/encrypted.ts";
import type { Grant, Provider, TokenStore, VaultOptions } from "../types.ts";
import type { Snapshot, VaultEvent } from "../vault.ts";
import { CACHED, createCache, LEAST, type TokenCache } from "./cache.ts";
import { toRing, type readKeys } from "./keys.ts";
import {
  type Answer,
  type Call,
  check,
  hashOf,
  keyOf,
  type Lease,
  type Owner,
  toWire,
} from "./wire.ts";

/** As much of a Durable Object's `ctx` as is needed. */
export interface ObjectContext {
  readonly id: { readonly name?: string | undefined };
  readonly storage: DurableStorage & {
    getAlarm(): Promise<number | null>;
    setAlarm(time: number): Promise<void>;
    deleteAlarm(): Promise<void>;
  };
  waitUntil(promise: Promise<unknown>): void;
}

/** What every object of a class has in common. */
export interface OwnerSettings extends Pick<
  VaultOptions,
  "clock" | "dangerouslyAllowLoopbackHttp" | "fetch" | "patience" | "random"
> {
  readonly providers: Readonly<Record<string, Provider<never>>>;
  readonly keys: ReturnType<typeof readKeys>;
  readonly kv: KvNamespace | undefined;
  readonly onEvent?: ((event: VaultEvent) => void) | undefined;
}

/** Which session this object owns; written with its first one. */
interface Deed extends Call {
  /** KV still has to hear that the session has ended. */
  readonly due?: boolean | undefined;
}

const DEED = "tokenkeep-deed";
/** KV takes one write a second and key. */
const KV_PACE = 1_100;
/** How often the object is asked before a token that KV has lost goes there again. */
const HOT = 10;
const SOON = 60_000;

export interface ObjectOwner extends Owner {
  alarm(): Promise<void>;
}

export function createOwner(ctx: ObjectContext, settings: OwnerSettings): ObjectOwner {
  const { providers, keys, kv, clock = systemClock, onEvent } = settings;
  const { storage } = ctx;
  const ring = toRing(keys);
  const inner = durableObjectStore(storage);
  const sealed = ring.then((found) => encrypted(inner, found));
  // It is awaited where it is used.
  sealed.catch(() => {});
  const store: TokenStore = {
    atomic: inner.atomic,
    shared: inner.shared,
    head: inner.head,
    list: inner.list,
    read: async (key) => (await sealed).read(key),
    write: async (...change) => (await sealed).write(...change),
  };

  interface Owned {
    readonly deed: Call;
    readonly provider: Provider<never>;
    readonly engine: Engine;
    readonly hash: Promise<string>;
    readonly cache: TokenCache | undefined;
  }
  let owned: Owned | undefined;
  let arming: Promise<void> | undefined;
  let publishing: Promise<void> | undefined;
  let publishedAt = -Infinity;
  let published = "";
  let asked = 0;

  const deedNow = (): Deed | undefined => storage.kv.get(DEED) as Deed | undefined;

  function open(call: Call): Owned {
    const { provider: name, account } = call;
    if (owned) {
      check(
        owned.deed.key === call.key,
        "This object keeps another session: its binding is for TokenVault only",
      );
      return owned;
    }
    check(Object.hasOwn(providers, name), unknownProvider(name, providers));
    const provider = providers[name]!;
    const key = keyOf(provider, account);
    check(
      key === call.key,
      `Worker and Durable Object define the provider "${name}" differently: give both the same origins and partition`,
    );
    const hash = hashOf(key);
    const engine = createEngine(
      key,
      {
        provider,
        store,
        clock,
        // The storage is at hand, so that a look costs next to nothing. A longer timer would keep the
        // object from rest, and its owner pays for that.
        maxStaleness: 50,
        ...(settings.random && { random: settings.random }),
        ...(settings.patience !== undefined && { patience: settings.patience }),
        fetch: exchangeFetch(settings),
        waitUntil: (promise) => ctx.waitUntil(promise),
      },
      () => later(owned!),
      (type, session, status) => {
        const { sessionId, generation } = session ?? {};
        if (onEvent)
          queueMicrotask(() => onEvent({ type, account, sessionId, generation, status }));
      },
    );
    return (owned = {
      deed: { provider: name, account, key },
      provider,
      engine,
      hash,
      cache: kv && createCache(kv, () => ring, provider as Provider),
    });
  }

  /** After each change: the alarm and KV follow. Nobody waits for either. */
  function later(one: Owned): void {
    ctx.waitUntil((arming = (arming ?? Promise.resolve()).then(() => arm(one)).catch(() => {})));
    publish(one);
  }

  /** When the session wants looking at though nobody calls, by the wall clock of the platform. */
  async function arm({ engine, provider }: Owned): Promise<void> {
    const { session, status } = engine.state();
    const now = clock.now();
    const isUnknown = !session && status !== "signed-out";
    const wanted =
      session && provider.renewal && !session.refused
        ? nextLook(session, now) - now
        : isUnknown || deedNow()?.due
          ? SOON
          : Infinity;
    const armed = await storage.getAlarm();
    if (wanted === Infinity) {
      if (armed !== null) await storage.deleteAlarm();
      return;
    }
    const time = Math.ceil(Date.now() + wanted);
    if (armed === null || Math.abs(armed - time) > 1_000) await storage.setAlarm(time);
  }

  /** What an edge may be told now, and until when it may serve it. */
  function leaseOf({ engine }: Owned): Lease | undefined {
    const { session } = engine.state();
    if (!session || session.rejected) return undefined;
    const { sessionId, generation, issuedAt, tokenSet } = session;
    const { accessToken, expiresAt } = tokenSet;
    const until = expiresAt && expiresAt - Math.min(30_000, (expiresAt - issuedAt) / 10);
    return { accessToken, sessionId, generation, until };
  }

  /** Puts the present state into KV, if that is news there, once a second at most. */
  function publish(one: Owned): void {
    if (!one.cache || publishing) return;
    ctx.waitUntil(
      (publishing = spread(one, one.cache).finally(() => {
        publishing = undefined;
      })),
    );
  }

  async function spread(one: Owned, cache: TokenCache): Promise<void> {
    try {
      for (;;) {
        const now = clock.now();
        const lease = leaseOf(one);
        const { session, persisted } = one.engine.state();
        const until = Math.min(lease?.until ?? Infinity, now + CACHED);
        const ended = !session && deedNow()?.due;
        const name = ended ? "ended" : lease && `${lease.sessionId} ${lease.generation}`;
        const age = now - publishedAt;
        // A write costs as much as thirty questions to the object.
        const wanted = name !== published || (asked > HOT && !(age >= 0 && age < CACHED / 2));
        // KV keeps everything for a minute at least: what ends sooner is not for it.
        const fits = ended || (lease && persisted && until - now > LEAST);
        if (!wanted || !fits) return;
        if (age >= 0 && age < KV_PACE) {
          await new Promise<void>((resolve) => clock.setTimeout(resolve, KV_PACE - age));
          continue;
        }
        const revision = session?.revision ?? (await inner.head(one.deed.key))?.revision ?? 0;
        published = name!;
        publishedAt = now;
        asked = 0;
        await cache.write(
          await one.hash,
          ended ? { revision } : { revision, lease: { ...lease!, until } },
        );
        if (ended && !one.engine.state().session) {
          storage.kv.put(DEED, one.deed);
          await arm(one);
        }
      }
    } catch {
      // Readers come here instead; a sign-out is told again by the alarm.
      published = "";
    }
  }

  async function answer(
    call: Call,
    task: (one: Owned) => Promise<Omit<Answer, "revision"> | void>,
  ): Promise<Answer> {
    let result: Omit<Answer, "revision">;
    try {
      result = (await task(open(call))) ?? {};
    } catch (error) {
      result = { error: toWire(error) };
    }
    const head = await inner.head(call.key).catch(() => undefined);
    return { revision: head?.revision ?? 0, ...result };
  }

  async function begin(
    one: Owned,
    task: () => Promise<void>,
    unlessSignedIn: boolean | undefined,
  ): Promise<Omit<Answer, "revision">> {
    storage.kv.put(DEED, one.deed);
    if (unlessSignedIn) {
      // One at a time, so that a thousand first requests sign in once.
      const turn = (starting ?? Promise.resolve()).then(async () => {
        await one.engine.look();
        if (one.engine.state().status !== "signed-in") await task();
      });
      starting = turn.catch(() => {});
      await turn;
    } else await task();
    return { lease: leaseOf(one) };
  }
  let starting: Promise<void> | undefined;

  const owner: ObjectOwner = {
    token: (call, { rejected, date }) =>
      answer(call, async (one) => {
        const { accessToken, sessionId, generation } = await one.engine.getToken({
          rejected,
          date,
        });
        asked++;
        publish(one);
        const lease = leaseOf(one);
        return {
          lease:
            lease?.accessToken === accessToken
              ? lease
              : { accessToken, sessionId, generation, until: 0 },
        };
      }),
    signIn: (call, credentials, { unlessSignedIn }) =>
      answer(call, async (one) => {
        const { signIn } = one.provider;
        check(signIn, "The provider has no sign-in: call adopt()");
        return begin(
          one,
          () => one.engine.signIn((io) => signIn(credentials as never, io)),
          unlessSignedIn,
        );
      }),
    adopt: (call, tokens, { unlessSignedIn }) =>
      answer(call, (one) => begin(one, () => one.engine.adopt(tokens as Grant), unlessSignedIn)),
    signOut: (call) =>
      answer(call, async (one) => {
        // Before anything else, so that no crash forgets to tell KV.
        if (one.cache) storage.kv.put(DEED, { ...one.deed, due: true } satisfies Deed);
        await one.engine.signOut();
      }),
    state: (call) =>
      answer(call, async (one) => {
        await one.engine.look();
        return { snapshot: snapshotOf(one) };
      }),
    async alarm() {
      const deed = deedNow();
      if (!deed) return;
      await wake(deed);
    },
  };

  /** Idempotent: once too often, too late, or never, the record says what is to be done. */
  async function wake(deed: Call): Promise<void> {
    const one = open(deed);
    await reseal(one.deed.key);
    await one.engine.look();
    publish(one);
    // Last, so that a reset before this leaves the platform's own retry in place.
    await arm(one);
  }

  /** A session that is never renewed would keep its old key for ever. */
  async function reseal(key: string): Promise<void> {
    const { kid } = await ring;
    const found = await inner.read(key);
    if (!found?.body || (found.body as { kid?: unknown }).kid === kid) return;
    const record = await store.read(key);
    if (record?.body !== undefined) await store.write(key, record, record);
  }

  const deed = deedNow();
  // F35: an alarm that was lost in a reset is set again.
  if (deed) ctx.waitUntil(wake(deed).catch(() => {}));
  return owner;
}

function snapshotOf({ deed, engine }: { deed: Call; engine: Engine }): Snapshot {
  const { session, status, persisted } = engine.state();
  const { issuedAt, refreshAt, generation, tokenSet } = session ?? {};
  return {
    status,
    account: deed.account,
    persisted,
    issuedAt,
    refreshAt,
    expiresAt: tokenSet?.expiresAt,
    generation,
    scope: tokenSet?.scope,
    claims: tokenSet && decodeClaims(tokenSet.accessToken),
  };
}

/** A mechanism's own URLs are held to the same rule as the origins: no secret over plain http (S3). */
function exchangeFetch(settings: OwnerSettings): typeof fetch {
  const { fetch: fetch_, dangerouslyAllowLoopbackHttp } = settings;
  let takesCache = true;
  try {
    void new Request("https://example.com", { cache: "no-store" });
  } catch {
    // Workers with a compatibility date before 2024-11-11. Nothing caches a POST there either.
    takesCache = false;
  }
  return (input, init) => {
    check(
      isSecure(new URL(String(input)), dangerouslyAllowLoopbackHttp),
      "The provider's token endpoint must be https",
    );
    const { cache: _, ...older } = init ?? {};
    const sent = takesCache ? init : older;
    return fetch_ ? fetch_(input, sent) : fetch(input, sent);
  };
}

export const unknownProvider = (name: string, providers: object): string =>
  `Unknown provider "${name}": add it to the providers of defineTokenVault, which has ${Object.keys(providers).join(", ") || "none"}`;

/** What answers in the place of an object that cannot start: the reason, typed. */
export function brokenOwner(ctx: ObjectContext, reason: unknown): ObjectOwner {
  const error = toWire(isVaultError(reason) ? reason : new VaultError("store_unavailable"));
  const answer = async (): Promise<Answer> => ({ revision: 0, error });
  return {
    token: answer,
    signIn: answer,
    adopt: answer,
    signOut: answer,
    state: answer,
    // Until the next deploy mends it.
    alarm: () => ctx.storage.setAlarm(Date.now() + 3_600_000),
  };
}
