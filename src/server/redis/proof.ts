/**
 * Whether a Redis keeps what it acknowledges.
 *
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
 */
import { type Cause, fail } from "../../guard/stored.ts";
import { pairsOf, type Send, textOf } from "./client.ts";
import { wordOf } from "./troubles.ts";

const OTHERWISE =
  "For tokens that do not rotate pass durable: false; dangerouslyAssumeDurable if your host loses nothing";

const advise = (setting: string): string => `Set ${setting}. ${OTHERWISE}`;

export const REPLICA: Cause = ["this Redis is a replica", "Connect to the primary"];

/** Hosts deny some commands, or have renamed them. */
const hidden = (what: string, command: string): Cause => [
  `Redis hides ${what}`,
  `Allow ${command} to this user. ${OTHERWISE}`,
];

export const IN_TRANSACTION: Cause = [
  "the client is inside a transaction",
  "Pass a client that has none",
];

const LATE: Cause = [
  "Redis answers before it is on disk: appendfsync is not always",
  advise("appendfsync always"),
];

const PAUSING: Cause = [
  "Redis answers before it is on disk while it rewrites its log: no-appendfsync-on-rewrite is yes",
  advise("no-appendfsync-on-rewrite no"),
];

/**
 * Throws `store_unavailable` where this primary may lose what it acknowledges, with the setting that is missing.
 * Answers with the reason where a write has to wait for the disk, and with nothing where Redis does so by itself.
 */
export async function proveOne(send: Send): Promise<Cause | undefined> {
  const text = textOf(await shown(send(["INFO"]))) ?? "";
  if (text === "QUEUED") fail(...IN_TRANSACTION);
  const info = linesOf(text);
  const role = info.get("role");
  if (role !== "master") fail(...(role ? REPLICA : hidden("its settings", "INFO")));
  const policy = info.get("maxmemory_policy");
  if (policy !== "noeviction")
    fail(
      `Redis may evict sessions: maxmemory-policy is ${policy}`,
      advise("maxmemory-policy noeviction"),
    );
  if (info.get("aof_enabled") !== "1")
    fail(
      "Redis forgets in a crash: appendonly is no",
      advise("appendonly yes and appendfsync always"),
    );
  const [major = 0, minor = 0] = (info.get("redis_version") ?? "").split(".").map(Number);
  const canWait = major > 7 || (major === 7 && minor >= 2);
  // Old servers take one pattern only.
  const config = await shown(send(["CONFIG", "GET", "*appendfsync*"]));
  const late = lateness(pairsOf(config));
  if (late && !canWait) fail(...late);
  return late;
}

/** Why a write may be answered before it is on disk. */
function lateness(config: ReadonlyMap<string, string>): Cause | undefined {
  const appendfsync = config.get("appendfsync");
  if (appendfsync === undefined) return hidden("appendfsync", "CONFIG GET");
  // It is left to the system, and nobody hears of it: WAITAOF would wait in vain.
  if (appendfsync === "no")
    fail("Redis leaves its disk to the system: appendfsync is no", advise("appendfsync always"));
  if (appendfsync !== "always") return LATE;
  return config.get("no-appendfsync-on-rewrite") === "yes" ? PAUSING : undefined;
}

/** Redis' lines of `name:value`. */
const linesOf = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split("\r\n").map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );

/** A reply; `undefined` where Redis refuses it. Rejects where the connection has failed. */
export const shown = (reply: Promise<unknown>): Promise<unknown> =>
  reply.catch((error: unknown) => (wordOf(error) ? undefined : Promise.reject(error)));
