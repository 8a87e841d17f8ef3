/**
 * The inside of the Durable Object: the core's engine over the object's storage, its alarm, and what it
 * publishes to KV. One object serves one session key for ever.
 */
import { decodeClaims } from "../guard/claims.ts";
import { systemClock } from "../refresh/clock.ts";
import type { Engine } from "../refresh/contract.ts";
import { nextLook } from "../refresh/timing.ts";
import { createEngine } from "../refresh/engine.ts";
import { isVaultError, VaultError } from "../errors.ts";
import { durableObjectStore, type DurableStorage } from "../stores/durable-object.ts";
import type { KvNamespace } from "../stores/cloudflare-kv.ts";
import { encrypted, type Keyring } from "../stores/encrypted.ts";
import type { Grant, Provider, VaultOptions } from "../types.ts";
import type { Snapshot, VaultEvent } from "../vault/vault.ts";
import { createCache } from "./cache.ts";
import { exchangeFetch } from "./exchange.ts";
import { createPublisher, leaseOf, type Publisher } from "./publish.ts";
import { type Answer, type Call, check, keyOf, type Owner, teller, toWire } from "./wire.ts";

/** As much of a Durable Object's `ctx` as is needed. */
export interface ObjectContext {
  /** One among all objects of all classes, for ever: an object is found by nothing else. */
  readonly id: { toString(): string };
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
  readonly keys: Keyring;
  readonly kv: KvNamespace | undefined;
  readonly onEvent?: ((event: VaultEvent) => void) | undefined;
}

/** Which session this object owns; written with its first one. */
interface Deed extends Call {
  /** KV still has to hear that the session has ended. */
  readonly due?: boolean | undefined;
}

const DEED = "tokenkeep-deed";
const SOON = 60_000;
const HOUR = 3_600_000;

export interface ObjectOwner extends Owner {
  alarm(): Promise<void>;
}

export function createOwner(ctx: ObjectContext, settings: OwnerSettings): ObjectOwner {
  const { providers, keys, kv, clock = systemClock, onEvent } = settings;
  const { storage } = ctx;
  const id = ctx.id.toString();
  const inner = durableObjectStore(storage, { namespace: id });
  const store = encrypted(inner, keys);

  interface Owned {
    readonly deed: Call;
    readonly provider: Provider<never>;
    readonly engine: Engine;
    readonly publish: Publisher;
  }
  let owned: Owned | undefined;
  let arming: Promise<void> | undefined;
  let starting: Promise<void> | undefined;

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
      `Worker and Durable Object define the provider "${name}" differently: give both the same origins and partition, or pass createVault its providers`,
    );
    const tell = teller(onEvent, account);
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
        fetch: exchangeFetch(settings.fetch),
        dangerouslyAllowLoopbackHttp: settings.dangerouslyAllowLoopbackHttp === true,
        waitUntil: (promise) => ctx.waitUntil(promise),
      },
      (...news) => {
        tell(...news);
        later(owned!);
      },
    );
    const deed: Deed = { provider: name, account, key };
    const due = {
      is: () => !!deedNow()?.due,
      async done() {
        storage.kv.put(DEED, deed);
        await arm(owned!);
      },
    };
    const cache = kv && createCache(kv, () => keys, provider as Provider);
    const hold = (promise: Promise<unknown>): void => ctx.waitUntil(promise);
    const revision = async (): Promise<number> => (await inner.head(key))?.revision ?? 0;
    const publish = createPublisher(engine, cache, id, clock, hold, due, revision);
    return (owned = { deed, provider, engine, publish });
  }

  /** After each change: the alarm and KV follow. Nobody waits for either. */
  function later(one: Owned): void {
    ctx.waitUntil((arming = (arming ?? Promise.resolve()).then(() => arm(one)).catch(() => {})));
    one.publish();
  }

  /** When the session wants looking at though nobody calls, by the wall clock of the platform. */
  async function arm({ engine, provider }: Owned): Promise<void> {
    const { session, status } = engine.state();
    const now = clock.now();
    const isUnknown = !session && status !== "signed-out";
    const wanted =
      session && provider.renewal && !session.refused
        ? // What is due and cannot be had is looked at each hour.
          Math.min(nextLook(session, now), session.refreshAt! > now ? Infinity : HOUR)
        : deedNow()?.due
          ? SOON
          : isUnknown
            ? SOON * 10
            : Infinity;
    const armed = await storage.getAlarm();
    if (wanted === Infinity) {
      if (armed !== null) await storage.deleteAlarm();
      return;
    }
    const time = Math.ceil(Date.now() + wanted);
    if (armed === null || Math.abs(armed - time) > 1_000) await storage.setAlarm(time);
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
    // Keys that have to be fetched are told to be wrong here, and not by a session that none can seal.
    await keys.newest();
    storage.kv.put(DEED, { ...deedNow(), ...one.deed });
    if (unlessSignedIn) {
      // One at a time, so that a thousand first requests sign in once.
      const turn = (starting ?? Promise.resolve()).then(async () => {
        await one.engine.look();
        if (one.engine.state().status !== "signed-in") await task();
      });
      starting = turn.catch(() => {});
      await turn;
    } else await task();
    return { lease: leaseOf(one.engine) };
  }

  const owner: ObjectOwner = {
    token: (call, { rejected, date }) =>
      answer(call, async (one) => {
        const { accessToken, sessionId, generation } = await one.engine.getToken({
          rejected,
          date,
        });
        one.publish(true);
        const lease = leaseOf(one.engine);
        return {
          lease:
            lease?.accessToken === accessToken
              ? lease
              : { accessToken, sessionId, generation, until: 0 },
        };
      }),
    signIn: (call, credentials, { unlessSignedIn }) =>
      answer(call, async (one) => {
        // Before anything is noted.
        check(one.provider.signIn, "The provider has no sign-in: call adopt()");
        const start = (): Promise<void> => one.engine.signIn(credentials as never);
        return begin(one, start, unlessSignedIn);
      }),
    adopt: (call, tokens, { unlessSignedIn }) =>
      answer(call, (one) => begin(one, () => one.engine.adopt(tokens as Grant), unlessSignedIn)),
    signOut: (call) =>
      answer(call, async (one) => {
        // Before anything else, so that no crash forgets to tell KV.
        if (kv) storage.kv.put(DEED, { ...one.deed, due: true } satisfies Deed);
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
    // What cannot be opened or written now is tried again at the next start.
    await reseal(one.deed.key).catch(() => {});
    await one.engine.look();
    one.publish();
    // Last, so that a reset before this leaves the platform's own retry in place.
    await arm(one);
  }

  /** A session that is never renewed would keep its old key for ever. */
  async function reseal(key: string): Promise<void> {
    const found = await inner.read(key);
    if (!found?.body || (found.body as { kid?: unknown }).kid === (await keys.newest())) return;
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

export const unknownProvider = (name: unknown, providers: object): string =>
  `${typeof name === "string" ? `Unknown provider "${name}": add it to` : "provider is a name here, from"} the providers of defineTokenVault, which has ${Object.keys(providers).join(", ") || "none"}`;

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
