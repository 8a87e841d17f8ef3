/**
 * An application's Postgres pool, narrowed to what a store and a channel need of it. Pools of `pg` and of
 * `postgres` are told apart by what they can do, so that neither package is imported.
 */
import { because } from "../errors.ts";

/** The part of a pool of `pg` that is used: `new Pool()`. */
export interface PgPool {
  query(...args: never[]): unknown;
  connect(...args: never[]): unknown;
  readonly totalCount: number;
}

/** The part of `postgres` that is used: `postgres()`. */
export interface PostgresJs {
  unsafe(...args: never[]): unknown;
  begin(...args: never[]): unknown;
  listen(...args: never[]): unknown;
}

/** A pool that the application has. */
export type PostgresClient = PgPool | PostgresJs;

/** The columns of a row, in their order. */
export type Row = readonly unknown[];

/** What a connection that listens has to say. */
export interface Listener {
  /** From now on notifications arrive; told after each reconnection too. */
  opened(): void;
  /** The connection is gone. */
  lost(): void;
  heard(payload: string): void;
}

/** A pool of either package. */
export interface Postgres {
  /** Runs one statement, in a transaction of its own. */
  run(text: string, values: readonly (string | null)[]): Promise<readonly Row[]>;
  /** Whether the application has ended the pool. */
  isEnded(): boolean;
  /** Listens for notifications until the function that it answers is called. */
  listen(channel: string, listener: Listener): () => void;
}

/** As `pg` has it. */
interface Pg {
  query(config: {
    readonly text: string;
    readonly values: readonly unknown[];
    readonly rowMode: "array";
  }): Promise<{ readonly rows: readonly Row[] }>;
  readonly ending?: boolean;
  readonly options: object;
  readonly Client: new (options: object) => PgClient;
}

/** A connection of `pg`. */
interface PgClient {
  connect(): Promise<unknown>;
  query(text: string): Promise<unknown>;
  end(): Promise<unknown>;
  unref?(): void;
  on(event: "error" | "end", listener: () => void): unknown;
  on(
    event: "notification",
    listener: (message: { readonly channel: string; readonly payload?: string }) => void,
  ): unknown;
}

/** As `postgres` has it. */
interface Js {
  unsafe(
    text: string,
    values: readonly unknown[],
  ): Promise<unknown> & { values(): Promise<readonly Row[]> };
  listen(channel: string, heard: (payload: string) => void, opened: () => void): Promise<unknown>;
}

const has = (value: object, ...names: readonly string[]): boolean =>
  names.every((name) => typeof Reflect.get(value, name) === "function");

const isPostgresJs = (client: unknown): client is Js =>
  typeof client === "function" && has(client, "unsafe", "begin", "listen");

const isPgPool = (client: unknown): client is Pg =>
  typeof client === "object" &&
  client !== null &&
  has(client, "query", "connect") &&
  typeof Reflect.get(client, "totalCount") === "number";

/**
 * Narrows what the application gave. A single connection is refused, because it may stand in the middle of a
 * transaction of the application's.
 *
 * @throws `VaultError`, code `invalid_option`, for anything but a pool
 */
export function postgresOf(client: unknown): Postgres {
  if (isPostgresJs(client)) return overPostgresJs(client);
  if (isPgPool(client)) return overPg(client);
  throw because(
    "invalid_option",
    "there is no pool",
    "Pass new Pool() of pg, or postgres(): a single connection may be inside a transaction",
  );
}

/** How long to wait before the next try to listen, milliseconds. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5000;

function overPg(pool: Pg): Postgres {
  return {
    isEnded: () => pool.ending === true,
    run: async (text, values) => (await pool.query({ text, values, rowMode: "array" })).rows,
    listen: (channel, listener) => listenByPg(pool, channel, listener),
  };
}

/** On a connection of its own, because one of the pool's would be missing there. */
function listenByPg(pool: Pg, channel: string, listener: Listener): () => void {
  let current: PgClient | undefined;
  let isOver = false;
  let pause = FIRST_PAUSE;
  let timer: ReturnType<typeof setTimeout> & { unref?(): void };

  /** The client reads the address and its TLS files when it is made: either may be missing for now. */
  function makeClient(): PgClient | undefined {
    try {
      return new pool.Client(withKeepAlive(pool.options));
    } catch {
      return undefined;
    }
  }

  async function open(): Promise<void> {
    const client = makeClient();
    current = client;
    if (!client) return again();
    let isLost = false;
    const lose = (): void => {
      if (isLost) return;
      isLost = true;
      void client.end().catch(() => {});
      if (!isOver) again();
    };
    client.on("error", lose);
    client.on("end", lose);
    client.on("notification", (message) => {
      if (message.channel === channel) listener.heard(message.payload ?? "");
    });
    try {
      await client.connect();
      // What listens keeps no process alive.
      client.unref?.();
      await client.query(`LISTEN "${channel}"`);
    } catch {
      return lose();
    }
    if (isOver || isLost) return lose();
    pause = FIRST_PAUSE;
    listener.opened();
  }

  function again(): void {
    listener.lost();
    if (pool.ending) return;
    timer = setTimeout(() => void open(), pause * (0.5 + Math.random() / 2));
    timer.unref?.();
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }

  void open();
  return () => {
    isOver = true;
    clearTimeout(timer);
    void current?.end().catch(() => {});
  };
}

/** Else a connection that has died in silence is noticed after two hours. The password is not enumerable. */
function withKeepAlive(options: object): object {
  const own = Object.defineProperties({}, Object.getOwnPropertyDescriptors(options));
  return Object.assign(own, { keepAlive: true, keepAliveInitialDelayMillis: 10_000 });
}

function overPostgresJs(sql: Js): Postgres {
  const subscriptions = new Map<string, Subscription>();
  return {
    // Its errors say so.
    isEnded: () => false,
    // An application's own transforms may have made an object of the list.
    run: async (text, values) =>
      (await sql.unsafe(text, values).values()).map((row) => Object.values(row)),
    listen(channel, listener) {
      const subscription = subscriptions.get(channel) ?? subscribe(sql, channel);
      subscriptions.set(channel, subscription);
      subscription.listener = listener;
      if (subscription.isOpen) listener.opened();
      return () => {
        if (subscription.listener === listener) subscription.listener = undefined;
      };
    },
  };
}

/** Who listens to a channel now. */
interface Subscription {
  listener: Listener | undefined;
  isOpen: boolean;
}

/**
 * Made once, and never ended but with the pool: after a reconnection `postgres` does not know any more what it is
 * to end. It reconnects by itself, after a first failure too, and tells each connection but no loss.
 */
function subscribe(sql: Js, channel: string): Subscription {
  const subscription: Subscription = { listener: undefined, isOpen: false };
  sql
    .listen(
      channel,
      (payload) => subscription.listener?.heard(payload),
      () => {
        subscription.isOpen = true;
        subscription.listener?.opened();
      },
    )
    .catch(() => {});
  return subscription;
}
