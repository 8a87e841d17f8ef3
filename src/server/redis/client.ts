/**
 * An application's Redis client, narrowed to what a store and a channel need of it. Clients of `redis`
 * (node-redis) and `ioredis` are told apart by what they can do, so that neither package is imported.
 */
import { because } from "../../errors.ts";
import { isObject } from "../../guard/json.ts";
import { fail } from "../../guard/stored.ts";
import { troublesOf, wordOf } from "./troubles.ts";

/**
 * The part of a client of `redis` that is used: `createClient()`, `createClientPool()`, `createCluster()`,
 * `createSentinel()`.
 */
export interface NodeRedis {
  sendCommand(...args: never[]): unknown;
  readonly isOpen: boolean;
}

/** The part of a client of `ioredis` that is used: `new Redis()`, `new Cluster()`. */
export interface IoRedis {
  call(...args: never[]): unknown;
  readonly status: string;
}

/** A client that the application has. */
export type RedisClient = NodeRedis | IoRedis;

/** Sends one command, and answers with its reply. */
export type Send = (command: readonly string[]) => Promise<unknown>;

/** A connection of our own. */
export interface Connection {
  readonly send: Send;
  subscribe(name: string, listener: (text: string) => void): Promise<unknown>;
  unsubscribe(name: string, listener: (text: string) => void): Promise<unknown>;
  end(): void;
}

/** What a connection of our own tells. */
export interface ConnectionOptions {
  /** Whether it connects again when it is lost. */
  readonly reconnects: boolean;
  /** Rejects when it has taken too long to open: then it is ended. */
  readonly late?: Promise<never>;
  /** Told once, when it has begun to open: from then on it can be ended. */
  readonly made?: (connection: Connection) => void;
  /** Told each time that it can be used. */
  readonly opened?: () => void;
  /** Told when it is lost; more than once for one loss. */
  readonly lost?: () => void;
}

/** A client of either package. */
export interface Redis {
  /** Whether keys lie on several primaries. */
  readonly isCluster: boolean;
  /** What the client puts in front of keys by itself. */
  readonly keyPrefix: string;
  /** Sends a command about `key` to the primary that has it. */
  send(command: readonly string[], key: string): Promise<unknown>;
  /** Each primary by itself. */
  primaries(): Promise<readonly Send[]>;
  /**
   * Waits until commands leave at once, so that none leaves long after its caller has been told it failed. Rejects
   * with Redis' own error where it refuses the login.
   */
  ready(late: Promise<never>): Promise<void>;
  /** The last error that the client has told while it could not be used. */
  trouble(): unknown;
  /** Whether it can open a connection of our own; a pool of clients cannot. */
  readonly canConnect: boolean;
  /** Opens a connection of our own to the same server. Rejects where that fails, or the client cannot. */
  connect(options: ConnectionOptions): Promise<Connection>;
}

const has = (value: object, ...names: readonly string[]): boolean =>
  names.every((name) => typeof Reflect.get(value, name) === "function");

/** What tells the clients apart. */
interface Marks {
  readonly status?: unknown;
  readonly isOpen?: unknown;
}

const isIo = (client: Marks): client is Io =>
  typeof client.status === "string" && has(client, "call");

const isNodeClient = (client: Marks): client is NodeClient =>
  typeof client.isOpen === "boolean" && has(client, "sendCommand");

/** Its `sendCommand` takes other arguments. */
const isSentinel = (client: NodeClient): boolean => has(client, "acquire");

/**
 * Narrows what the application gave.
 *
 * @throws `VaultError`, code `invalid_option`, for anything but a client
 */
export function redisOf(client: unknown): Redis {
  if (typeof client === "object" && client !== null) {
    if (isIo(client)) return overIoRedis(client);
    if (isNodeClient(client))
      return isSentinel(client) ? overSentinel(client) : overNodeRedis(client);
  }
  throw because(
    "invalid_option",
    "there is no Redis client",
    "Pass createClient() or createCluster() of redis, or new Redis() of ioredis",
  );
}

/** How often a client that is connecting is looked at, milliseconds. */
const LOOK = 25;

/** Looks at the client instead of listening to it: a hundred waiting callers would be a hundred listeners. */
async function untilReady(isReady: () => boolean, late: Promise<never>): Promise<void> {
  while (!isReady())
    await Promise.race([new Promise((resolve) => setTimeout(resolve, LOOK)), late]);
}

/** Events after which a client's connection is not there; both packages know some of them. */
const LOSSES = ["close", "reconnecting", "end", "error"] as const;

interface Emitter {
  on(event: string, listener: (...args: never[]) => void): unknown;
}

/** Tells when a connection can be used, and when it is lost. */
function watch(client: Emitter, options: ConnectionOptions): void {
  client.on("ready", () => options.opened?.());
  for (const event of LOSSES) client.on(event, () => options.lost?.());
}

/** Waits until a connection is open. One that nobody waits for any more must not stay. */
async function openInTime(
  opened: Promise<unknown>,
  connection: Connection,
  options: ConnectionOptions,
): Promise<void> {
  try {
    await unlessLate(opened, options);
  } catch (error) {
    connection.end();
    opened.catch(() => {});
    throw error;
  }
}

/** Waits for an answer, unless it takes too long. */
const unlessLate = <T>(answer: T | Promise<T>, { late }: ConnectionOptions): Promise<T> =>
  late ? Promise.race([answer, late]) : Promise.resolve(answer);

/** One node after the other, from any on: each hears what is published at another, and one may be gone. */
function createTurns(): <T>(nodes?: readonly T[]) => T | undefined {
  let turn = Math.floor(Math.random() * 2 ** 16);
  return (nodes = []) => nodes[turn++ % nodes.length];
}

/** After so many milliseconds without a message the system asks whether the other side is there. */
const KEEP_ALIVE = 10_000;

/** How long a connection of our own waits before it connects again, milliseconds. */
const pauseAfter = (tries: number): number => Math.min(50 * 2 ** tries, 5000);

/** As `redis` has it; a pool has no `duplicate` and no `isReady`, a cluster has `masters`. */
interface NodeClient extends Emitter {
  readonly isOpen: boolean;
  readonly isReady?: boolean;
  readonly options?: { readonly socket?: object };
  readonly masters?: readonly object[];
  sendCommand(...args: readonly unknown[]): Promise<unknown>;
  nodeClient?(node: object): Promise<NodeClient> | NodeClient;
  duplicate?(overrides?: object): NodeClient;
  connect(): Promise<unknown>;
  subscribe(name: string, listener: (text: string) => void): Promise<unknown>;
  unsubscribe(name: string, listener: (text: string) => void): Promise<unknown>;
  destroy(): void;
  unref?(): void;
}

function overNodeRedis(client: NodeClient): Redis {
  const isCluster = Array.isArray(client.masters) && client.nodeClient !== undefined;
  const troubles = troublesOf(client);
  const takeTurns = createTurns();
  return {
    isCluster,
    keyPrefix: "",
    trouble: troubles.last,
    async send(command, key) {
      const reply = await (isCluster
        ? client.sendCommand(key, false, command)
        : client.sendCommand(command));
      // A pool does not tell that it can be used.
      troubles.clear();
      return reply;
    },
    async primaries() {
      if (!isCluster) return [(command) => client.sendCommand(command)];
      const nodes = await Promise.all(
        (client.masters ?? []).map((node) => client.nodeClient!(node)),
      );
      return nodes.map((node) => (command) => node.sendCommand(command));
    },
    async ready(late) {
      if (!client.isOpen) fail("the Redis client is closed", "Call await client.connect() first");
      await untilReady(() => {
        // A cluster that knows no node yet would prove nothing, and have no list of its keys.
        const isReady = client.isReady !== false && client.masters?.length !== 0;
        if (!client.isOpen || isReady) return true;
        troubles.check();
        return false;
      }, late);
    },
    canConnect: isCluster || client.duplicate !== undefined,
    connect: (options) => connectNodeRedis(client, takeTurns(client.masters), options),
  };
}

/**
 * A Sentinel leads each command to whichever server is the primary then. So it opens no connection that is one
 * server's: a write could not wait for its disk there.
 */
function overSentinel(client: NodeClient): Redis {
  // The first argument: a replica does not do.
  const send: Send = (command) => client.sendCommand(false, command);
  return {
    ...overNodeRedis(client),
    isCluster: false,
    send,
    primaries: async () => [send],
    canConnect: false,
    connect: async () =>
      fail("createSentinel() opens no connection of ours", "Pass new Redis() of ioredis"),
  };
}

async function connectNodeRedis(
  client: NodeClient,
  node: object | undefined,
  options: ConnectionOptions,
): Promise<Connection> {
  // One of its own would be a second cluster.
  if (client.masters && !node) fail("the Redis cluster has no node yet", "Call connect() first");
  // A node that is gone keeps its client trying.
  const one = (node && (await unlessLate(client.nodeClient?.(node), options))) ?? client;
  if (!one.duplicate)
    return fail("a pool of Redis clients opens no connection", "Pass createClient()");
  const own = one.duplicate({
    // Nothing is sent later than its caller knows.
    disableOfflineQueue: true,
    socket: { ...one.options?.socket, reconnectStrategy: options.reconnects && pauseAfter },
  });
  const connection: Connection = {
    send: (command) => own.sendCommand(command),
    subscribe: (name, listener) => own.subscribe(name, listener),
    // With its listener: else a port that is opened again before the answer would be deaf.
    unsubscribe: (name, listener) => own.unsubscribe(name, listener),
    // Also where nothing is open any more: until then the package keeps it.
    end() {
      try {
        own.destroy();
      } catch {
        // Some versions throw for what is closed.
      }
    },
  };
  watch(own, options);
  // It keeps no process alive.
  own.unref?.();
  const opened = own.connect();
  options.made?.(connection);
  await openInTime(opened, connection, options);
  return connection;
}

/** As `ioredis` has it; a cluster has `nodes`. */
interface Io extends Emitter {
  readonly status: string;
  readonly options?: { readonly keyPrefix?: unknown };
  readonly isCluster?: boolean;
  /** The socket. */
  readonly stream?: { unref?(): void };
  call(...command: readonly string[]): Promise<unknown>;
  connect(): Promise<unknown>;
  nodes?(role: "master"): readonly Io[];
  duplicate(overrides?: object): Io;
  subscribe(name: string): Promise<unknown>;
  unsubscribe(name: string): Promise<unknown>;
  disconnect(): void;
}

function overIoRedis(client: Io): Redis {
  const isCluster = client.isCluster === true && client.nodes !== undefined;
  const { keyPrefix } = client.options ?? {};
  const start = (): void => void client.connect().catch(() => {});
  const troubles = troublesOf(client);
  const takeTurns = createTurns();
  let isKnocking = false;

  /** Where nobody listens for errors, ioredis tells them only to those whose commands wait. */
  function knock(): void {
    if (isKnocking) return;
    isKnocking = true;
    const settled = (): void => {
      isKnocking = false;
    };
    const refused = (error: unknown): void => {
      // Else ioredis itself has refused to let it wait.
      if (wordOf(error)) troubles.note(error);
    };
    client.call("PING").catch(refused).then(settled, settled);
  }

  return {
    isCluster,
    trouble: troubles.last,
    keyPrefix: typeof keyPrefix === "string" ? keyPrefix : "",
    send: (command) => client.call(...command),
    async primaries() {
      const nodes = isCluster ? (client.nodes?.("master") ?? []) : [client];
      return nodes.map((node) => (command) => node.call(...command));
    },
    async ready(late) {
      if (client.status === "end") fail("the Redis client is closed", "Make a new one");
      if (client.status === "wait") start();
      await untilReady(() => {
        if (client.status === "ready" || client.status === "end") return true;
        knock();
        troubles.check();
        return false;
      }, late);
    },
    canConnect: true,
    async connect(options) {
      const node = isCluster ? takeTurns(client.nodes?.("master")) : client;
      return connectIoRedis(node ?? fail("the Redis cluster has no node yet"), options);
    },
  };
}

async function connectIoRedis(client: Io, options: ConnectionOptions): Promise<Connection> {
  const own = client.duplicate({
    lazyConnect: true,
    // Nothing is sent twice, nor later than its caller knows.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    retryStrategy: options.reconnects ? pauseAfter : () => null,
    // Else a connection that has died in silence is noticed after two hours.
    keepAlive: KEEP_ALIVE,
  });
  const listeners = new Map<string, (text: string) => void>();
  const connection: Connection = {
    send: (command) => own.call(...command),
    subscribe(name, listener) {
      listeners.set(name, listener);
      return own.subscribe(name);
    },
    unsubscribe(name) {
      listeners.delete(name);
      return own.unsubscribe(name);
    },
    end: () => own.disconnect(),
  };
  own.on("message", (name: string, text: string) => listeners.get(name)?.(text));
  // It keeps no process alive.
  own.on("connect", () => own.stream?.unref?.());
  watch(own, options);
  const opened = own.connect();
  options.made?.(connection);
  // It goes on trying by itself.
  await (options.reconnects ? opened.catch(() => {}) : openInTime(opened, connection, options));
  return connection;
}

/** A reply's text: some clients are told to give bytes, or texts that know their format. */
export function textOf(reply: unknown): string | undefined {
  const text: unknown = Object(reply).valueOf?.();
  if (typeof text === "string") return text;
  return reply instanceof Uint8Array ? new TextDecoder().decode(reply) : undefined;
}

/** The pairs of a reply, which is a list, a map or an object, by protocol and client. */
export function pairsOf(reply: unknown): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  const note = (name: unknown, value: unknown): void =>
    void pairs.set(textOf(name) ?? "", textOf(value) ?? "");
  if (Array.isArray(reply))
    for (let at = 0; at < reply.length; at += 2) note(reply[at], reply[at + 1]);
  else if (reply instanceof Map) for (const [name, value] of reply) note(name, value);
  else if (isObject(reply)) for (const name of Object.keys(reply)) note(name, reply[name]);
  return pairs;
}
