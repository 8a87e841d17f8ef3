/**
 * Messages between processes, by Redis' publish and subscribe.
 *
 * @see https://redis.io/docs/latest/develop/interact/pubsub/
 * @module
 */
import { own } from "../guard/json.ts";
import { check } from "../errors.ts";
import { DEADLINE } from "../guard/stored.ts";
import { type Connection, type Redis, type RedisClient, redisOf } from "../server/redis/client.ts";
import { channelOver, type Hearer, type Relay } from "../server/relay.ts";
import type { Channel } from "../types.ts";

/** The options of {@link redisChannel}. */
export interface RedisChannelOptions {
  /** The beginning of each channel's name; `"tokenkeep:"` by default. */
  readonly prefix?: string;
}

/** How long to wait before the next try to connect, milliseconds; half as long with luck. */
const PAUSE = 1000;

/** What all channels over one client share. */
interface Shared {
  /** One connection, because a process may have thousands of accounts. */
  readonly relay: Relay;
  /** By prefix, because a user may be allowed the names of one prefix alone. */
  readonly channels: Map<string, Channel>;
}

const shared = new WeakMap<object, Shared>();

/**
 * Tells other processes which generation there is, and never a token. All channels over one client share one
 * connection of their own, which is opened with the first port and ended with the last. Where Redis is out of
 * reach nothing is sent and nothing arrives, because messages only save time: no call throws.
 *
 * @param client a client or cluster of `redis` or `ioredis`; it publishes, and is duplicated
 * @throws `VaultError`, code `invalid_option`, for anything but a client
 *
 * @example
 * ```ts
 * import { redisChannel, type RedisClient } from "tokenkeep/channels/redis";
 *
 * const open = (client: RedisClient) =>
 *   redisChannel(client).open("name", (message) => console.log(message));
 * ```
 */
export function redisChannel(client: RedisClient, options: RedisChannelOptions = {}): Channel {
  const { prefix = "tokenkeep:" } = own(options);
  const redis = redisOf(client);
  const found = shared.get(client) ?? { relay: relayOver(redis), channels: new Map() };
  shared.set(client, found);
  const channel = found.channels.get(prefix) ?? channelOver(below(prefix, found.relay));
  found.channels.set(prefix, channel);
  return channel;
}

const below = (prefix: string, { join, publish }: Relay): Relay => ({
  join: (name, hearer) => join(prefix + name, hearer),
  publish: (name, text) => publish(prefix + name, text),
});

/** The one connection, from the moment at which it is wanted. */
interface Attempt {
  /** Absent until the client has made it. */
  connection: Connection | undefined;
  hasOpened: boolean;
}

/** Those who hear one name. */
interface Audience {
  readonly hearers: Set<Hearer>;
  /** Whether Redis has confirmed, on this connection, that messages come. */
  isOpen: boolean;
  /** How many messages have come. */
  heard: number;
  /** Always the same function, because some clients keep all that they are given. */
  readonly hear: (text: string) => void;
}

function createAudience(): Audience {
  const hearers = new Set<Hearer>();
  const audience: Audience = {
    hearers,
    isOpen: false,
    heard: 0,
    hear(text) {
      audience.heard += 1;
      for (const hearer of hearers) hearer.heard(text);
    },
  };
  return audience;
}

type Timer = ReturnType<typeof setTimeout> & { unref?(): void };

/** A timer that keeps no process alive. */
function unheld(ms: number, run: () => void): Timer {
  const timer: Timer = setTimeout(run, ms);
  timer.unref?.();
  return timer;
}

/** Rejects when a node has had its time to answer. */
function createDeadline(): { readonly late: Promise<never>; end(): void } {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = unheld(DEADLINE, reject);
  });
  // Whoever still waits has it.
  late.catch(() => {});
  return { late, end: () => clearTimeout(timer) };
}

function relayOver(redis: Redis): Relay {
  check(
    redis.canConnect,
    "createClient() for a channel: a pool or Sentinel of redis hears nothing",
  );
  const audiences = new Map<string, Audience>();
  let current: Attempt | undefined;
  /** Runs until the next node of a cluster is tried. */
  let pause: Timer | undefined;

  async function subscribe(attempt: Attempt, name: string, audience: Audience): Promise<void> {
    try {
      await attempt.connection?.subscribe(name, audience.hear);
    } catch {
      // The connection is lost: it subscribes when it is there again.
      return;
    }
    if (current !== attempt) return;
    audience.isOpen = true;
    for (const hearer of audience.hearers) hearer.opened();
  }

  function release(): void {
    const last = current;
    current = undefined;
    last?.connection?.end();
  }

  function tellLoss(): void {
    for (const audience of audiences.values()) {
      audience.isOpen = false;
      for (const hearer of audience.hearers) hearer.lost();
    }
  }

  /** A connection to one node of a cluster is over with it: the next one, after a pause, is to another node. */
  function retry(attempt: Attempt): void {
    if (current !== attempt) return;
    release();
    tellLoss();
    pause ??= unheld(PAUSE * (0.5 + Math.random() / 2), () => {
      pause = undefined;
      void connect();
    });
  }

  function lose(attempt: Attempt): void {
    // An earlier connection's end is no news.
    if (current !== attempt) return;
    if (redis.isCluster) retry(attempt);
    else tellLoss();
  }

  /** Connects, once for all: a client that cannot reach Redis goes on trying by itself, but for a cluster's. */
  async function connect(): Promise<void> {
    if (current || pause || audiences.size === 0) return;
    const attempt: Attempt = { connection: undefined, hasOpened: false };
    current = attempt;
    const deadline = redis.isCluster ? createDeadline() : undefined;
    try {
      await redis.connect({
        reconnects: !redis.isCluster,
        ...(deadline && { late: deadline.late }),
        made(connection) {
          // Its last port may have been closed meanwhile.
          if (current === attempt) attempt.connection = connection;
          else connection.end();
        },
        opened() {
          if (current !== attempt) return;
          attempt.hasOpened = true;
          for (const [name, audience] of audiences) void subscribe(attempt, name, audience);
        },
        lost: () => lose(attempt),
      });
    } catch {
      retry(attempt);
    } finally {
      deadline?.end();
    }
  }

  /** A node that has left its cluster keeps its connections, and hears nothing of the others any more. */
  async function publish(name: string, text: string): Promise<void> {
    const audience = audiences.get(name);
    const attempt = current;
    const heard = audience?.heard;
    await redis.send(["PUBLISH", name, text], name);
    if (!redis.isCluster || !audience || !attempt?.hasOpened) return;
    unheld(DEADLINE, () => {
      if (audiences.get(name) === audience && audience.heard === heard) lose(attempt);
    });
  }

  function leave(name: string, audience: Audience, hearer: Hearer): void {
    audience.hearers.delete(hearer);
    if (audience.hearers.size > 0 || audiences.get(name) !== audience) return;
    audiences.delete(name);
    if (audiences.size === 0) {
      clearTimeout(pause);
      pause = undefined;
      release();
    } else void current?.connection?.unsubscribe(name, audience.hear).catch(() => {});
  }

  return {
    join(name, hearer) {
      const known = audiences.get(name);
      const audience = known ?? createAudience();
      audience.hearers.add(hearer);
      audiences.set(name, audience);
      if (!current) void connect();
      else if (audience.isOpen) hearer.opened();
      else if (current.hasOpened && !known) void subscribe(current, name, audience);
      return () => leave(name, audience, hearer);
    },
    publish,
  };
}

export type { IoRedis, NodeRedis, RedisClient } from "../server/redis/client.ts";
