/**
 * A fleet of server processes that share one store, as a model that the real code runs in: processes
 * with a bounded number of vaults each, a database, its publish and subscribe, and a clock that jumps
 * from event to event. What is counted is what a database is asked for. Accounts do not meet, so that a
 * sample of them stands for a million.
 */
import { createVault, type Vault } from "../../src/index.ts";
import { localLock } from "../../src/locks/local.ts";
import { channelOver, type Hearer, type Relay } from "../../src/server/relay.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { Channel, Lock, Provider, TokenStore } from "../../src/types.ts";
import { seeded } from "../model/random.ts";
import { virtualClock } from "../support/virtual-clock.ts";

export interface Scenario {
  /** How many accounts are played. */
  readonly accounts: number;
  /** Requests per second and account, evenly at random. */
  readonly rate: number;
  /** How many processes see one account's requests. */
  readonly spread: number;
  /** How many vaults a process keeps; the one that was not used for longest is closed for a new one. */
  readonly kept: number;
  /** Whether processes hear of each other's changes. */
  readonly channel: boolean;
  /** How long a token lives, milliseconds. */
  readonly life: number;
  /** How long is played, milliseconds. */
  readonly duration: number;
}

export interface Counts {
  requests: number;
  /** Answered by the process's own memory. */
  warm: number;
  /** Whole records that were read, and their clear parts alone. */
  reads: number;
  heads: number;
  /** Compare-and-sets. */
  writes: number;
  /** Messages of vaults that were published, and how often one was delivered to another process. */
  published: number;
  delivered: number;
  /** Messages by which a process tries its connection. They hang on processes, and not on accounts. */
  trials: number;
  tokenCalls: number;
  /** Vaults that were made. */
  opened: number;
  /** The most vaults that the fleet held at once. */
  held: number;
}

type Credentials = Record<string, never>;

/** An API whose tokens live for `life`, with strict rotation. */
function providerOf(counts: Counts, life: number): Provider<Credentials> {
  const grant = async () => ({
    type: "granted" as const,
    grant: {
      accessToken: `at-${++counts.tokenCalls}`,
      refreshToken: `rt-${counts.tokenCalls}`,
      expiresIn: life / 1_000,
    },
  });
  return {
    name: "simulated",
    origins: ["https://api.example.com"],
    renewal: { rotation: "strict" },
    signIn: grant,
    renew: grant,
  };
}

/** The database that all processes share. */
function sharedStore(counts: Counts): TokenStore {
  const { head, read, write, list } = memoryStore();
  return {
    atomic: true,
    shared: "everywhere",
    head(key) {
      counts.heads += 1;
      return head(key);
    },
    read(key) {
      counts.reads += 1;
      return read(key);
    },
    write(key, next, expected) {
      counts.writes += 1;
      return write(key, next, expected);
    },
    list,
  };
}

/** Publish and subscribe: answers with a process's connection, which stands as long as the process. */
function sharedRelay(counts: Counts): () => Relay {
  const rooms = new Map<string, Set<Hearer>>();
  return () => {
    const own = new Set<Hearer>();
    return {
      join(name, hearer) {
        const room = rooms.get(name) ?? new Set();
        rooms.set(name, room.add(hearer));
        own.add(hearer);
        hearer.opened();
        return () => {
          room.delete(hearer);
          own.delete(hearer);
        };
      },
      async publish(name, text) {
        if (name.startsWith("trial|")) counts.trials += 1;
        else counts.published += 1;
        for (const hearer of rooms.get(name) ?? []) {
          if (!own.has(hearer)) counts.delivered += 1;
          queueMicrotask(() => hearer.heard(text));
        }
      },
    };
  };
}

/** One process: the vaults of the accounts that it served last. */
interface Process {
  readonly lock: Lock;
  readonly channel: Channel | undefined;
  /** In the order in which they were used. */
  readonly vaults: Map<string, Vault<Credentials>>;
}

const nothing = (): Counts => ({
  requests: 0,
  warm: 0,
  reads: 0,
  heads: 0,
  writes: 0,
  published: 0,
  delivered: 0,
  trials: 0,
  tokenCalls: 0,
  opened: 0,
  held: 0,
});

export async function simulate(scenario: Scenario, seed = 1): Promise<Counts> {
  const { accounts, rate, spread, kept, life, duration } = scenario;
  const random = seeded(seed);
  const clock = virtualClock();
  const counts = nothing();
  const provider = providerOf(counts, life);
  const store = sharedStore(counts);
  const connect = sharedRelay(counts);
  const processes = new Map<number, Process>();
  let held = 0;

  function processOf(id: number): Process {
    const found = processes.get(id);
    if (found) return found;
    const channel = scenario.channel ? channelOver(connect()) : undefined;
    const made: Process = { lock: localLock(), channel, vaults: new Map() };
    processes.set(id, made);
    return made;
  }

  function vaultOf({ lock, channel, vaults }: Process, account: string): Vault<Credentials> {
    let vault = vaults.get(account);
    if (!vault) {
      counts.opened += 1;
      held += 1;
      const shared = { provider, store, lock, clock, random, account };
      vault = createVault(channel ? { ...shared, channel } : shared);
    }
    vaults.delete(account);
    vaults.set(account, vault);
    const [oldest] = vaults;
    if (vaults.size > kept && oldest) {
      vaults.delete(oldest[0]);
      oldest[1].close();
      held -= 1;
    }
    counts.held = Math.max(counts.held, held);
    return vault;
  }

  for (let account = 0; account < accounts; account++)
    await clock.until(vaultOf(processOf(account), `account-${account}`).signIn({}));
  await clock.at(clock.now() + 600_000);
  // What the sign-ins cost is not the point.
  Object.assign(counts, nothing());

  const end = clock.now() + duration;
  for (;;) {
    const time = clock.now() + (-Math.log(1 - random()) / (rate * accounts)) * 1_000;
    if (time >= end) break;
    await clock.at(time);
    const account = Math.floor(random() * accounts);
    // Accounts are spread over the fleet, each over as many processes as see it.
    const id = account + Math.floor(random() * spread);
    const before = counts.reads + counts.heads;
    counts.requests += 1;
    await clock.until(vaultOf(processOf(id), `account-${account}`).getToken());
    if (counts.reads + counts.heads === before) counts.warm += 1;
  }
  await clock.at(end);
  for (const { vaults } of processes.values()) for (const vault of vaults.values()) vault.close();
  return counts;
}
