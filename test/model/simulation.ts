/**
 * One schedule: contexts that run the engine that ships, a script of things that happen to them, and
 * every invariant judged at every step.
 */
import { keyOf } from "../../src/guard/record.ts";
import { accountOf, type Contexts, createContexts, type LiveContext } from "./contexts.ts";
import { createInvariants, type Invariants } from "./invariants.ts";
import type { Call } from "./network.ts";
import { providerOf } from "./providers.ts";
import { type Command, PATIENCE, REQUEST, type Scenario } from "./scenario.ts";
import { createServer, type Server } from "./server.ts";
import { createStores } from "./stores.ts";
import { makePlace } from "./place.ts";
import { createWorld, type World } from "./world.ts";

interface Stage {
  readonly world: World;
  readonly server: Server;
  readonly scenario: Scenario;
  readonly invariants: Invariants;
  readonly contexts: Contexts;
}

type Happening = Command["type"];
type Of<Type extends Happening> = Extract<Command, { readonly type: Type }>;

/** How long a token endpoint is down, and a store says no, at the most: retries are what takes steps. */
const LONGEST_DOWN = 3_600_000;
const LONGEST_NO = 300_000;

/** A change that a store does not take is tried every five minutes, by two engines, in so many steps. */
const RETRIES = { every: 300_000, steps: 48 };

/** Steps of a schedule that something is to happen in, at the most. */
function longestOf({ script }: Scenario): number {
  const time = script.reduce((sum, { after }) => sum + after, 0);
  return 20_000 + 400 * script.length + RETRIES.steps * Math.ceil(time / RETRIES.every);
}

/** Cool-downs that `Retry-After` or a wrong clock make last. */
const isCoolingLong = ({ retryAfter, offsets, script }: Scenario): boolean =>
  retryAfter > 0 ||
  offsets.some((offset) => offset !== 0) ||
  script.some(({ command }) => command.type === "clock");

function close({ world, contexts }: Stage, context: LiveContext): void {
  const { place, vault } = context;
  place.wasIdle = contexts.isIdle(context);
  vault.close();
  place.closedAt = world.now();
}

/** What happens to one context. A frozen one does nothing by itself. */
const happenings: {
  readonly [Type in Of<Exclude<Happening, keyof typeof everywhere>>["type"]]: (
    stage: Stage,
    context: LiveContext,
    command: Of<Type>,
  ) => void;
} = {
  call({ contexts }, context, { times, endpoint = 0 }) {
    if (context.place.isFrozen) return;
    for (let count = 0; count < times; count++) contexts.call(context, endpoint);
  },
  abort({ contexts }, { place }) {
    if (!place.isFrozen) contexts.aborts.get(place)?.pop()?.abort();
  },
  crash({ world, contexts }, { place }) {
    if (contexts.all.filter(contexts.isLive).length > 1) world.crash(place);
  },
  reload({ world, contexts }, { place, isProxy }) {
    world.crash(place);
    contexts.open(place, isProxy);
  },
  close(stage, context) {
    if (!context.place.isFrozen && stage.contexts.all.filter(stage.contexts.isLive).length > 1)
      close(stage, context);
  },
  freeze: ({ world }, { place }) => world.freeze(place),
  resume: ({ world }, { place }) => world.resume(place),
  "store-down"({ world }, { place }) {
    place.storeDown = true;
    place.storeDownAt = world.now();
  },
  "store-up"({ world }, { place }) {
    place.storeDown = false;
    place.storeUpAt = world.now();
  },
  "store-refuses"({ world }, { place }) {
    place.storeRefuses = true;
    world.schedule(undefined, LONGEST_NO, () => void (place.storeRefuses = false));
  },
  "store-accepts"(_, { place }) {
    place.storeRefuses = false;
  },
  "sign-in"({ contexts }, context) {
    if (!context.place.isFrozen) void contexts.signIn(context);
  },
  "sign-out"({ contexts }, context) {
    if (!context.place.isFrozen) void contexts.signOut(context);
  },
  adopt({ contexts, scenario }, context) {
    const canAdopt = scenario.provider === "vmcloud" || scenario.provider === "password";
    if (canAdopt && !context.place.isFrozen) void contexts.adopt(context);
  },
  find({ contexts }, context) {
    if (!context.place.isFrozen) void contexts.find(context);
  },
  remove({ contexts, scenario }, context) {
    const account = accountOf((context.place.account === accountOf(0) ? 1 : 0) % scenario.accounts);
    if (!context.place.isFrozen) void contexts.remove(context, account);
  },
  list({ contexts }, context) {
    if (!context.place.isFrozen) void contexts.list(context);
  },
  clock({ world, invariants }, _, { by }) {
    invariants.clockStep(by);
    // Tabs share their machine's clock.
    for (const other of world.places) other.offset += by;
  },
};

/** What happens to the world around them. */
const everywhere = {
  evict: ({ invariants }: Stage): void => invariants.evict(),
  "go-back": ({ invariants }: Stage): void => invariants.goBack(),
  expire: ({ server }: Stage): void => server.expireAll(),
  outside({ contexts }: Stage): void {
    contexts.signInOutside();
  },
  offline: ({ contexts }: Stage): void => void (contexts.network.state.isOffline = true),
  online: ({ contexts }: Stage): void => void (contexts.network.state.isOffline = false),
  "token-down"({ world, server }: Stage): void {
    server.isDown = true;
    world.schedule(undefined, LONGEST_DOWN, () => void (server.isDown = false));
  },
  "token-up": ({ server }: Stage): void => void (server.isDown = false),
  "crash-holder"({ world, contexts, invariants }: Stage): void {
    const uses = [...invariants.facts.presented.values()].flat();
    const holder = uses.find((use) => !use.isOver())?.place;
    if (holder && contexts.all.filter(contexts.isLive).length > 1) world.crash(holder);
  },
};

function perform(stage: Stage, command: Command): void {
  stage.world.trace(undefined, () => JSON.stringify(command));
  if (!("place" in command)) return everywhere[command.type](stage);
  const context = stage.contexts.pick(command.place);
  const happen = happenings[command.type] as (
    stage: Stage,
    context: LiveContext,
    command: Command,
  ) => void;
  if (context) happen(stage, context, command);
}

/** Opens the contexts, and begins a session for each account on each device, without faults. */
async function begin({ world, scenario, contexts, invariants }: Stage): Promise<void> {
  const { accounts, devices, proxies, offsets } = scenario;
  for (let index = 0; index < scenario.contexts; index++)
    contexts.open(
      {
        account: accountOf(index % accounts),
        device: Math.floor(index / accounts) % devices,
        offset: offsets[index] ?? 0,
      },
      index >= Math.max(scenario.contexts - proxies, accounts * devices),
    );
  world.calm(true);
  const firsts = contexts.all.slice(0, accounts * devices);
  for (const context of firsts) {
    let isReady = false;
    void contexts.signIn(context).then(() => (isReady = true));
    for (let limit = 100; !isReady && limit < 100_000; limit += 100)
      await world.run(world.now() + 100);
  }
  world.calm(false);
  invariants.check();
}

/** Whatever happened: everything settles, and what is left works, one context after the other. */
async function settle(stage: Stage): Promise<void> {
  const { world, server, scenario, contexts, invariants } = stage;
  world.calm(true);
  contexts.network.state.isOffline = false;
  server.isDown = false;
  for (const place of world.places) {
    if (place.storeDown) place.storeUpAt = world.now();
    place.storeDown = false;
    place.storeRefuses = false;
    world.resume(place);
  }
  // Its own engine may have something to write, and calls go by its owner.
  for (const { vault } of contexts.all.filter(({ isProxy }) => isProxy))
    vault.getToken().catch(() => {});
  // A store that lags is believed only after two minutes.
  const least = scenario.store.isAtomic ? 60_000 : 180_000;
  const rest = isCoolingLong(scenario) ? 360_000 : least;
  await world.run(world.now() + PATIENCE + 2 * REQUEST + rest);
  invariants.check();
  invariants.allSettled(contexts.calls);
  for (const context of contexts.all.filter(contexts.isLive)) {
    // A proxy is served by its owner, whose own sign-in may not be stored yet.
    const serving = context.isProxy ? contexts.ownerOf(context.place) : context;
    const isSure = [context, serving].every(
      (one) => one && invariants.expectation(one.place) === "200",
    );
    const expected = isSure ? "200" : "any";
    let last: Call;
    let left = invariants.triesOf(context.place);
    let isTold = false;
    do {
      last = contexts.call(context, 0);
      await world.run(world.now() + PATIENCE + 2 * REQUEST);
      invariants.allSettled([last]);
      // One that has not looked for long is told once that another session has begun.
      if (isTold || !invariants.isOfEarlier(last)) left--;
      isTold = true;
    } while (expected === "200" && last.status !== 200 && left > 0);
    invariants.fulfilled(expected, last);
  }
  await finishWriting(stage);
  await finishRetries(stage);
  invariants.final();
  invariants.check();
}

/** A grant that came in the last moment is still on its way to the store: a look and a write, twice. */
async function finishWriting({ world, invariants: { facts } }: Stage): Promise<void> {
  const { pace, over } = facts.stores.rules;
  const longest = pace || over ? 20_000 : 1_000;
  const isWriting = (): boolean => (facts.arrivals.at(-1)?.at ?? -Infinity) > world.now() - longest;
  // Refreshes ahead of time may follow each other, but not for ever.
  for (let times = 0; times < 10 && isWriting(); times++) await world.run(world.now() + longest);
}

/** What a store did not take is tried again, and in a calm world it is taken at last. */
async function finishRetries({ world, scenario, contexts, invariants }: Stage): Promise<void> {
  const isWaiting = (): boolean =>
    contexts.all.filter(contexts.isLive).some(({ vault }) => !vault.snapshot().persisted);
  // Some answers of such a store never come in time.
  if (scenario.store.over > 0 || !isWaiting()) return;
  await world.run(world.now() + RETRIES.every + 2 * REQUEST);
  if (isWaiting()) invariants.facts.violate("P20.waiting", "F9: a change was never written");
}

export async function simulate(scenario: Scenario) {
  const world = createWorld(scenario.seed, scenario.faults, longestOf(scenario));
  const server = createServer(world, scenario);
  const stores = createStores(world, scenario.store);
  const nowhere = makePlace(-1, { device: 0, account: "", openedAt: 0 });
  const key = (account: string): string => keyOf(providerOf(scenario, server, nowhere), account);
  const keys = { default: key("default"), other: key("other") };
  const invariants = createInvariants({
    world,
    server,
    scenario,
    stores,
    keyOf: (account) => keys[account as keyof typeof keys],
  });
  const contexts = createContexts({ world, server, scenario, stores, invariants });
  const stage: Stage = { world, server, scenario, invariants, contexts };
  const onRejection = (error: unknown): void => invariants.report(error);
  process.on("unhandledRejection", onRejection);
  try {
    await begin(stage);
    for (const { after, command } of scenario.script) {
      await world.run(world.now() + after);
      perform(stage, command);
      invariants.check();
    }
    await settle(stage);
    for (const { vault } of contexts.all) vault.close();
    const tokenCalls = [...invariants.facts.presented]
      .flatMap(([token, uses]) => uses.map(({ at, place }) => ({ at, place, token })))
      .sort((a, b) => a.at - b.at);
    return { world, server, calls: contexts.calls, tokenCalls, invariants, contexts };
  } finally {
    process.off("unhandledRejection", onRejection);
  }
}

export type Run = Awaited<ReturnType<typeof simulate>>;
