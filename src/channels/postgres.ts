/**
 * Messages between processes, by Postgres' notifications.
 *
 * @see https://www.postgresql.org/docs/current/sql-notify.html
 * @module
 */
import { own } from "../guard/json.ts";
import { check } from "../errors.ts";
import { shortHash } from "../guard/hash.ts";
import { type Postgres, type PostgresClient, postgresOf } from "../server/postgres.ts";
import { channelOver, type Hearer, type Relay } from "../server/relay.ts";
import type { Channel } from "../types.ts";

/** The options of {@link postgresChannel}. */
export interface PostgresChannelOptions {
  /** The notifications' channel, `"tokenkeep"` by default: lower case. */
  readonly name?: string;
}

/** One connection for all accounts over one pool, because a process may have thousands of them. */
const channels = new WeakMap<object, Map<string, Channel>>();

/**
 * Tells other processes which generation there is, and never a token. All channels over one pool share one
 * connection of their own, which is opened with the first port. Where Postgres is out of reach nothing is sent
 * and nothing arrives, because messages only save time: no call throws. Behind a pooler that hands connections
 * out for one transaction at a time no notification arrives, and the channel says so.
 *
 * @param pool `new Pool()` of `pg`, or `postgres()` of `postgres`
 * @throws `VaultError`, code `invalid_option`, for anything but a pool, and for a malformed name
 *
 * @example
 * ```ts
 * import { postgresChannel, type PostgresClient } from "tokenkeep/channels/postgres";
 *
 * const open = (pool: PostgresClient) =>
 *   postgresChannel(pool).open("name", (message) => console.log(message));
 * ```
 */
export function postgresChannel(
  pool: PostgresClient,
  options: PostgresChannelOptions = {},
): Channel {
  const { name = "tokenkeep" } = own(options);
  check(/^[a-z_][a-z0-9_]{0,62}$/.test(name), "name, in lower case");
  const postgres = postgresOf(pool);
  const known = channels.get(pool) ?? new Map<string, Channel>();
  channels.set(pool, known);
  const channel = known.get(name) ?? channelOver(relayOver(postgres, name));
  known.set(name, channel);
  return channel;
}

/** A notification begins with a hash of whom it is for, because its length is limited. */
const HASH = 16;

function relayOver(postgres: Postgres, channel: string): Relay {
  const hearers = new Map<string, Set<Hearer>>();
  let isOpen = false;
  let stop: (() => void) | undefined;

  const all = (): readonly Hearer[] => [...hearers.values()].flatMap((some) => [...some]);

  const begin = (): (() => void) =>
    postgres.listen(channel, {
      opened() {
        isOpen = true;
        for (const hearer of all()) hearer.opened();
      },
      lost() {
        isOpen = false;
        for (const hearer of all()) hearer.lost();
      },
      heard(payload) {
        const text = payload.slice(HASH);
        for (const hearer of hearers.get(payload.slice(0, HASH)) ?? []) hearer.heard(text);
      },
    });

  return {
    join(name, hearer) {
      const hash = shortHash(name);
      const some = hearers.get(hash) ?? new Set();
      hearers.set(hash, some.add(hearer));
      // It may tell at once that it is open, and then tells all.
      if (!stop) stop = begin();
      else if (isOpen) hearer.opened();
      return () => {
        some.delete(hearer);
        if (some.size === 0 && hearers.get(hash) === some) hearers.delete(hash);
        if (hearers.size > 0) return;
        stop?.();
        stop = undefined;
        isOpen = false;
      };
    },
    // In a statement of its own, because notifications make commits wait for each other.
    publish: (name, text) =>
      postgres.run("SELECT pg_notify($1, $2)", [channel, shortHash(name) + text]),
  };
}

export type { PgPool, PostgresClient, PostgresJs } from "../server/postgres.ts";
