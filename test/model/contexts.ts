/** The contexts of a schedule: each runs the engine that ships, by `createOwnedVault`, or asks one that does. */
import { isVaultError } from "../../src/errors.ts";
import type { VaultFetch } from "../../src/request/contract.ts";
import type { TokenSource } from "../../src/types.ts";
import { createOwnedVault, type Vault } from "../../src/vault/vault.ts";
import { createChannels } from "./channels.ts";
import type { Invariants } from "./invariants.ts";
import { createLocks } from "./locks.ts";
import { urlOf } from "./addresses.ts";
import { type Call, createNetwork } from "./network.ts";
import { type Credentials, providerOf } from "./providers.ts";
import { createProxyFetch } from "./proxies.ts";
import { MAX_STALENESS, PATIENCE, type Scenario } from "./scenario.ts";
import type { Server } from "./server.ts";
import type { Stores } from "./stores.ts";
import { Violation } from "./violation.ts";
import { EPOCH, type Place, type World } from "./world.ts";

export interface LiveContext {
  readonly place: Place;
  readonly vault: Vault<Credentials>;
  readonly source: TokenSource;
  /** Whether its calls ask another context's source. */
  readonly isProxy: boolean;
  readonly send: VaultFetch;
}

export interface ContextsParts {
  readonly world: World;
  readonly server: Server;
  readonly scenario: Scenario;
  readonly stores: Stores;
  readonly invariants: Invariants;
}

export type Contexts = ReturnType<typeof createContexts>;

/** The longest that a sign-in by a cookie takes. */
const SEARCH = 60_000;

export const accountOf = (number: number): string => (number === 0 ? "default" : "other");

export function createContexts({ world, server, scenario, stores, invariants }: ContextsParts) {
  const locks = createLocks(world, { kind: scenario.locks, spans: scenario.store.shared });
  const channels = createChannels(world, scenario.channel);
  const calls: Call[] = [];
  const all: LiveContext[] = [];
  const aborts = new Map<Place, AbortController[]>();
  const network = createNetwork({ world, server, scenario, invariants, calls });
  let users = 0;

  function online(): boolean {
    if (scenario.online === "throws") throw new Error("online");
    return scenario.online === "right" && !network.state.isOffline;
  }

  function open(
    parts: Pick<Place, "device" | "account" | "offset">,
    isProxy: boolean,
  ): LiveContext {
    const { device, account, offset } = parts;
    const place = world.addPlace({ device, account });
    place.offset = offset;
    const [lock, channel] = [locks.of(place), channels.of(place)];
    const provider = providerOf(scenario, server, place);
    const fetch = network.fetchOf(place);
    const { vault, engine: source } = createOwnedVault<Credentials>({
      provider,
      store: stores.storeOf(place),
      account,
      ...(lock && { lock }),
      ...(channel && { channel }),
      refreshAhead: scenario.refreshAhead && !isProxy,
      patience: PATIENCE,
      maxStaleness: MAX_STALENESS,
      online,
      fetch,
      clock: world.clockOf(place),
      random: world.random,
    });
    vault.events((event) => {
      world.trace(place, () => `event ${event.type}`);
      invariants.event(place, event);
    });
    const context: LiveContext = {
      place,
      vault,
      source,
      isProxy,
      send: isProxy
        ? createProxyFetch({ world, place, provider, fetch, owner: () => ownerOf(place) })
        : vault.fetch,
    };
    all.push(context);
    invariants.facts.contexts.push({ place, vault: vault as Vault<never> });
    return context;
  }

  const isLive = ({ place }: LiveContext): boolean =>
    !place.isCrashed && place.closedAt === Infinity;

  /** The context that answers a proxy's questions. */
  const ownerOf = (place: Place): LiveContext | undefined =>
    all.find(
      (other) =>
        isLive(other) && !other.isProxy && invariants.facts.isNeighbour(other.place, place),
    );

  function call(context: LiveContext, wanted: number): Call {
    const { place } = context;
    const number = calls.length;
    const made: Call = {
      place,
      endpoint: wanted % scenario.endpoints.length,
      isProxied: context.isProxy,
      owner: undefined,
      startedAt: world.now(),
      frozenBefore: place.frozenFor,
      freezesBefore: place.freezes,
      bodies: [],
      accesses: [],
      travel: 0,
    };
    calls.push(made);
    world.trace(place, () => `call ${number} to endpoint ${made.endpoint}`);
    const controller = new AbortController();
    aborts.set(place, [...(aborts.get(place) ?? []), controller]);
    const init = { method: "POST", body: `${number}:bytes`, signal: controller.signal };
    if (context.isProxy) made.owner = ownerOf(place)?.place;
    context
      .send(urlOf(made.endpoint), init)
      .then(
        ({ status }) => {
          made.status = status;
        },
        (error: unknown) => {
          if (error instanceof Violation) throw error;
          made.code = isVaultError(error) ? error.code : String((error as Error).name);
          invariants.failed(made, made.code);
        },
      )
      .finally(() => {
        made.settledAt = world.now();
        world.trace(
          place,
          () => `call ${number} ends: ${made.status ?? made.code}, sent ${made.accesses}`,
        );
        invariants.settled(made);
      })
      .catch((error: unknown) => invariants.report(error));
    return made;
  }

  /** Tells the invariants how it ends; what rejects with something that is no vault error is reported. */
  function follow(
    { place }: LiveContext,
    work: Promise<unknown>,
    told: { resolved(): void; rejected?: () => void },
  ): Promise<void> {
    const question = {};
    place.busy.add(question);
    return work
      .finally(() => place.busy.delete(question))
      .then(told.resolved, (error: unknown) => {
        told.rejected?.();
        if (!isVaultError(error)) invariants.report(error);
      });
  }

  const newUser = (): string => `ada+${users++}@example.com`;

  return {
    all,
    calls,
    aborts,
    network,
    open,
    isLive,
    ownerOf,
    call,
    /** The live context nearest to the one that was drawn. */
    pick(index: number): LiveContext | undefined {
      const live = all.filter(isLive);
      return live[index % live.length];
    },
    signIn(context: LiveContext): Promise<void> {
      const email = newUser();
      const told = invariants.begin(context as never, email);
      return follow(context, context.vault.signIn({ email, password: "correct horse" }), told);
    },
    adopt(context: LiveContext): Promise<void> {
      const user = newUser();
      const { access, refresh, diesAt } = server.hand(user, context.place.device);
      const told = invariants.begin(context as never, user);
      const expiresAt = context.place.offset + EPOCH + diesAt;
      return follow(
        context,
        context.vault.adopt({ accessToken: access, refreshToken: refresh, expiresAt }),
        told,
      );
    },
    find(context: LiveContext): Promise<void> {
      invariants.facts.soughtUntil.set(context.place.device, world.now() + SEARCH);
      return follow(context, context.vault.signIn(undefined as never), { resolved() {} });
    },
    list: (context: LiveContext): Promise<void> =>
      follow(context, context.vault.accounts(), { resolved() {} }),
    signInOutside(): void {
      for (const device of new Set(all.map(({ place }) => place.device)))
        server.jars.set(device, server.hand(newUser(), device).refresh);
    },
    signOut(context: LiveContext): Promise<void> {
      const told = invariants.signOut(context.place);
      return follow(context, context.vault.signOut(), told);
    },
    remove(context: LiveContext, account: string): Promise<void> {
      const removed = invariants.remove(context.place, account);
      // Of its own account it is a sign-out as well.
      const left = account === context.place.account && invariants.signOut(context.place);
      return follow(context, context.vault.removeAccount(account), {
        resolved() {
          removed.resolved();
          if (left) left.resolved();
        },
        rejected() {
          if (left) left.rejected();
        },
      });
    },
    /** Whether a context has nothing under way: no call, no question, no change that waits. */
    isIdle: ({ place, vault }: LiveContext): boolean =>
      !place.busy.size &&
      !place.pending.size &&
      // Between two tries to write it, a grant waits.
      invariants.facts.arrivals.every(
        ({ place: at, access }) => at !== place || invariants.facts.generationByAccess.has(access),
      ) &&
      // What the store did not take of a removal is tried again.
      invariants.facts.removals.every(
        ({ by, settledAt }) => by !== place || settledAt < Infinity,
      ) &&
      vault.snapshot().persisted &&
      calls.every((one) => one.place !== place || one.settledAt !== undefined) &&
      [...invariants.facts.presented.values()]
        .flat()
        .every((use) => use.place !== place || use.isOver()),
  };
}
