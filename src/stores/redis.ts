/**
 * Sessions in Redis, for every process that reaches it. A write is one script, which compares and sets in one
 * step; it counts when it is on disk.
 *
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
 * @module
 */
import { checkAmounts } from "../guard/amounts.ts";
import { own } from "../guard/json.ts";
import { isVaultError } from "../errors.ts";
import { insist } from "../guard/insist.ts";
import { randomId } from "../guard/random.ts";
import { type RedisClient, redisOf, type Send, textOf } from "../server/redis/client.ts";
import { IN_TRANSACTION, proveOne, REPLICA } from "../server/redis/proof.ts";
import { createScript, type Script } from "../server/redis/script.ts";
import { createSynced, type Synced } from "../server/redis/synced.ts";
import { wordOf } from "../server/redis/troubles.ts";
import { type Cause, DEADLINE, fail, headOf } from "../guard/stored.ts";
import { storedOf, textsOf } from "../guard/texts.ts";
import type { RecordHead, StoredRecord, TokenStore } from "../types.ts";

/** The options of {@link redisStore}. */
export interface RedisStoreOptions {
  /** The beginning of each record's key, bound into the seal; `"tokenkeep:"` by default. */
  readonly prefix?: string;
  /** How many milliseconds a call may take; 4000 by default. */
  readonly timeout?: number;
  /**
   * Whether an acknowledged write has to outlive a crash; `true` by default. With `false` Redis' settings are
   * not asked for, and the store is not `atomic`: `createVault` refuses the store for refresh tokens that
   * rotate. `false` is for a cache that may lose its records because they can be got anew, such as minted
   * tokens.
   */
  readonly durable?: boolean;
  /**
   * Takes it as given that an acknowledged write is never lost, whatever Redis' settings say or hide; `false`
   * by default. Some hosts keep a log of their own. Anywhere else a spent refresh token is sent again after
   * a crash, and the server ends the session.
   */
  readonly dangerouslyAssumeDurable?: boolean;
}

/** Only the primary's answer counts: a replica may be behind. */
const ROLE = `
local info = redis.pcall('INFO', 'replication')
local role = type(info) == 'string' and string.match(info, 'role:(%a+)') or 'unknown'
`;

/** `KEYS`: the record. `ARGV`: whether the body is wanted. */
const READ = createScript(`${ROLE}
local body = ARGV[1] == 'body' and redis.call('HGET', KEYS[1], 'body')
return { role, redis.call('HGET', KEYS[1], 'head'), body }
`);

/**
 * `KEYS`: the record. `ARGV`: the write's id; the expected revision and session, or two empty texts where
 * nothing is expected; the next head, or an empty text to delete; the next body, or an empty text where there
 * is none; `again` for a delete whose answer was lost. Answers with the role, whether it is written, and what was
 * found instead.
 *
 * A client that sends a command again after a lost connection finds its own id: then it is written. After a
 * delete it finds nothing. Either is written once more, so that WAITAOF on this connection waits for it.
 */
const WRITE = createScript(`${ROLE}
if role == 'slave' then return { role, '0', false } end
local found = redis.call('HMGET', KEYS[1], 'head', 'write')
if found[1] and found[2] == ARGV[1] then
  redis.call('HSET', KEYS[1], 'write', ARGV[1])
  return { role, '1', false }
end
if found[1] then
  local known, head = pcall(cjson.decode, found[1])
  local same = known and type(head) == 'table' and head.format == 1
    and head.revision == tonumber(ARGV[2]) and head.sessionId == ARGV[3]
  if not same then return { role, '0', found[1] } end
  redis.call('DEL', KEYS[1])
elseif ARGV[2] ~= '' then
  if ARGV[6] ~= 'again' then return { role, '0', false } end
  redis.call('HSET', KEYS[1], 'write', ARGV[1])
  redis.call('DEL', KEYS[1])
end
if ARGV[4] ~= '' then
  redis.call('HSET', KEYS[1], 'head', ARGV[4], 'write', ARGV[1])
  if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'body', ARGV[5]) end
end
return { role, '1', false }
`);

/**
 * Keeps records as hashes without an end, as they are: wrap the store in `encrypted` with a key ring.
 *
 * @param client a connected client or cluster of `redis` or `ioredis`; it stays open
 * @returns a store with compare-and-set, shared by all processes that reach this Redis. Its methods reject with
 * a `VaultError`, code `store_unavailable`, when Redis is out of reach, silent, full or a replica, when the
 * client is closed, where an acknowledged write could be lost (the message names the setting), and for a
 * record of another format, which is left untouched.
 * @throws `VaultError`, code `invalid_option`, for anything but a client, and for a `timeout` that is none
 *
 * @example
 * ```ts
 * import { encrypted, keyring } from "tokenkeep/stores/encrypted";
 * import { type RedisClient, redisStore } from "tokenkeep/stores/redis";
 *
 * const open = (client: RedisClient, keys: string) => encrypted(redisStore(client), keyring(keys));
 * ```
 */
export function redisStore(client: RedisClient, given: RedisStoreOptions = {}): TokenStore {
  const options = own(given);
  const { prefix = "tokenkeep:", timeout = DEADLINE, durable = true } = options;
  checkAmounts({ timeout });
  const redis = redisOf(client);
  const isAssumed = options.dangerouslyAssumeDurable === true || !durable;
  let isProved = isAssumed;
  /** Where Redis answers before it is on disk, a write goes through here. */
  let synced: Synced | undefined;

  function explain(error: unknown): Cause {
    isProved = isAssumed;
    // A client that never came to be connected has heard why.
    const word = wordOf(error) || wordOf(redis.trouble());
    return CAUSES[word] ?? [word ? "Redis refuses" : "Redis does not answer"];
  }

  /** Behind a new connection there may be another server, or the same with other settings. */
  function hasLost(error: unknown): boolean {
    if (!isLost(error)) return false;
    isProved = isAssumed;
    return true;
  }

  const reach = <T>(task: (late: Promise<never>) => Promise<T>): Promise<T> =>
    insist(
      timeout,
      async (late) => {
        // After the deadline no write begins: the caller has been told that it failed.
        await Promise.race([late, redis.ready(late)]);
        if (!isProved) await Promise.race([late, prove()]);
        return task(late);
      },
      { isLost: hasLost, explain },
    );

  async function prove(): Promise<void> {
    const primaries = await redis.primaries();
    const proofs = await Promise.all(primaries.map((send) => proveOne(send)));
    const late = proofs.find((cause) => cause !== undefined);
    // A write waits for the disk on a connection of its own, to the one server that there is.
    if (late && (redis.isCluster || !redis.canConnect)) fail(...late);
    synced = late ? (synced ?? createSynced(redis, timeout)) : undefined;
    isProved = true;
  }

  /** What a script answers beside the role: two texts. */
  async function run(
    { script, key, values }: Asked,
    send: Send = (command) => redis.send(command, prefix + key),
  ): Promise<readonly (string | undefined)[]> {
    const reply = await script.run(send, prefix + key, values);
    if (!Array.isArray(reply)) return fail(...IN_TRANSACTION);
    const [role, ...texts] = reply.map(textOf);
    // Redis hides its role from some users, for whom `prove` has failed already, unless nobody asks.
    if (role !== "master" && role !== "unknown") fail(...REPLICA);
    return texts;
  }

  async function find(key: string, wanted: "head" | "body"): Promise<StoredRecord | undefined> {
    const [head, body] = await run({ script: READ, key, values: [wanted] });
    return head === undefined ? undefined : storedOf(head, body);
  }

  async function put(
    key: string,
    values: readonly string[],
    late: Promise<never>,
  ): Promise<boolean> {
    const asked = { script: WRITE, key, values };
    const [isWritten, found] = await (synced
      ? synced((send) => run(asked, send), late)
      : run(asked));
    // Throws for another format.
    if (found !== undefined) storedOf(found, undefined);
    return isWritten === "1";
  }

  return {
    atomic: durable,
    shared: "everywhere",
    namespace: redis.keyPrefix + prefix,
    head: (key) =>
      reach(async () => {
        const record = await find(key, "head");
        return record && headOf(record);
      }),
    read: (key) => reach(() => find(key, "body")),
    async write(key, next, expected) {
      // One id for all tries.
      const values = valuesOf(randomId(), next, expected);
      let tries = 0;
      return reach((late) => {
        const isAgain = tries++ > 0 && !next;
        return put(key, [...values, isAgain ? "again" : ""], late);
      });
    },
    list: (begin) =>
      reach(async () => {
        const start = redis.keyPrefix + prefix;
        const keys = new Set<string>();
        for (const send of await redis.primaries())
          for (const key of await scan(send, start + begin)) keys.add(key.slice(start.length));
        return [...keys];
      }),
  };
}

/** What a script is asked. */
interface Asked {
  readonly script: Script;
  readonly key: string;
  readonly values: readonly string[];
}

const valuesOf = (
  id: string,
  next: StoredRecord | undefined,
  expected: RecordHead | undefined,
): readonly string[] => {
  const { head = "", body = "" } = next ? textsOf(next) : {};
  // No revision where nothing is expected.
  return [id, expected ? String(expected.revision) : "", expected?.sessionId ?? "", head, body];
};

/** A server that starts, and a cluster that is about to move a key. */
const PASSING: readonly string[] = ["LOADING", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN"];

/** Whether the connection failed, and not Redis: then nobody knows what was done. */
const isLost = (error: unknown): boolean =>
  error !== undefined && !isVaultError(error) && ["", ...PASSING].includes(wordOf(error));

/** The keys of one primary that begin with a text. A key may come twice. */
async function scan(send: Send, start: string): Promise<readonly string[]> {
  const pattern = `${start.replace(/[\\*?[\]]/g, "\\$&")}*`;
  const keys: string[] = [];
  let cursor = "0";
  do {
    const reply = await send(["SCAN", cursor, "MATCH", pattern, "COUNT", "1000", "TYPE", "hash"]);
    const [next, page] = Array.isArray(reply) ? reply : [];
    if (Array.isArray(page)) keys.push(...page.flatMap((key) => textOf(key) ?? []));
    cursor = textOf(next) ?? "0";
  } while (cursor !== "0");
  return keys;
}

const FULL: Cause = ["Redis is full", "Raise maxmemory: nothing is lost"];

/** By the word that Redis' errors begin with. */
const CAUSES: Readonly<Record<string, Cause>> = {
  READONLY: REPLICA,
  MASTERDOWN: REPLICA,
  MOVED: ["this Redis is a node of a cluster", "Pass createCluster(), or new Cluster() of ioredis"],
  CLUSTERDOWN: ["the Redis cluster is down", "Check its nodes: nothing is lost"],
  OOM: FULL,
  MISCONF: ["Redis cannot write to its disk", "Make room there: nothing is lost"],
  NOREPLICAS: ["Redis has too few replicas to take writes", "Check them, or min-replicas-to-write"],
  LOADING: ["Redis is still loading its data", "Try again: nothing is lost"],
  NOAUTH: ["Redis wants a login", "Pass a password to the client"],
  WRONGPASS: ["Redis refused the login", "Check user and password"],
  NOPERM: [
    "this user may not run scripts on these keys",
    "Allow EVALSHA, EVAL, SCAN, INFO and the keys",
  ],
  WRONGTYPE: ["a record's key is another one's", "Choose another prefix"],
};

export type { IoRedis, NodeRedis, RedisClient } from "../server/redis/client.ts";
