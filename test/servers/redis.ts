/** Clients of both packages over one Redis. */
import { spawnSync } from "node:child_process";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, inject } from "vitest";
import type { RedisClient } from "../../src/stores/redis.ts";
import { startRedis } from "./own-server.ts";

/** A client, and how to use it without the store. */
export interface Opened {
  readonly client: RedisClient;
  send(...command: string[]): Promise<unknown>;
  end(): void;
}

export type PackageName = "redis" | "ioredis";
export const PACKAGES: readonly PackageName[] = ["redis", "ioredis"];

/** With the settings of an application that has to live through a server's restart. */
export async function openClient(name: PackageName, url: string): Promise<Opened> {
  if (name === "redis") {
    const client = createClient({ url });
    // Without a listener a lost connection ends the process.
    client.on("error", () => {});
    await client.connect();
    return {
      client,
      send: (...command) => client.sendCommand(command),
      end: () => void (client.isOpen && client.destroy()),
    };
  }
  const client = new Redis(url, { lazyConnect: true });
  client.on("error", () => {});
  await client.connect();
  return {
    client,
    send: (command = "", ...rest) => client.call(command, ...rest),
    end: () => client.disconnect(),
  };
}

/** A server of this file's own, or the one of the environment: `undefined` where there is neither. */
export async function redisUrl(): Promise<string | undefined> {
  const { url, program } = inject("servers").redis;
  if (url || !program) return url;
  const server = await startRedis();
  afterAll(() => server.close());
  return server.url;
}

let prefixes = 0;

/** The beginning of keys that nobody has used yet. */
export const freshPrefix = (): string => `test[${process.pid}]*${prefixes++}:`;

/** Whether this machine's Redis knows WAITAOF itself. */
export function isYoung(): boolean {
  const { program } = inject("servers").redis;
  if (!program) return false;
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  const [, major = 0, minor = 0] = /v=(\d+)\.(\d+)/.exec(stdout)?.map(Number) ?? [];
  return major > 7 || (major === 7 && minor >= 2);
}
