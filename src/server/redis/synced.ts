/**
 * Writes that wait until Redis has them on disk, where it would answer before: WAITAOF, from Redis 7.2 on. It
 * speaks of the writes of its own connection, and holds that connection up, so that they have one to
 * themselves. Writes that come meanwhile wait together for the next one.
 *
 * @see https://redis.io/docs/latest/commands/waitaof/
 */
import { fail } from "../../guard/stored.ts";
import type { Connection, Redis, Send } from "./client.ts";

/** Runs a task that writes by `send`; resolves as the task does when that is on disk. */
export type Synced = <T>(task: (send: Send) => Promise<T>) => Promise<T>;

interface Waiting {
  /** Writes; answers with what tells its caller. */
  begin(send: Send): Promise<() => void>;
  reject(error: unknown): void;
}

export function createSynced(redis: Redis, timeout: number): Synced {
  let queue: Waiting[] = [];
  let isBusy = false;
  let connection: Connection | undefined;

  /** A lost connection says nothing of writes that it has taken: never wait for them on another one. */
  function drop(): void {
    connection?.end();
    connection = undefined;
  }

  async function write(batch: readonly Waiting[]): Promise<readonly (() => void)[]> {
    connection ??= await redis.connect({ reconnects: false });
    const { send } = connection;
    const tellings = await Promise.all(batch.map(({ begin }) => begin(send)));
    const reply = await send(["WAITAOF", "1", "0", String(timeout)]);
    const [local] = Array.isArray(reply) ? reply : [];
    if (!(Number(local) >= 1)) fail("Redis does not get to its disk");
    return tellings;
  }

  async function work(): Promise<void> {
    isBusy = true;
    while (queue.length > 0) {
      const batch = queue;
      queue = [];
      try {
        for (const tell of await write(batch)) tell();
      } catch (error) {
        drop();
        for (const { reject } of batch) reject(error);
      }
    }
    isBusy = false;
  }

  return (task) =>
    new Promise((resolve, reject) => {
      const begin = async (send: Send): Promise<() => void> => {
        try {
          const answer = await task(send);
          return () => resolve(answer);
        } catch (error) {
          // What one write is refused for is not the others' fault.
          return () => reject(error);
        }
      };
      queue.push({ begin, reject });
      if (!isBusy) void work();
    });
}
