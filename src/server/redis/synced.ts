/**
 * Writes that wait until Redis has them on disk, where it would answer before: WAITAOF, from Redis 7.2 on. It
 * speaks of the writes of its own connection, and holds that connection up, so that they have one to
 * themselves. Writes that come meanwhile wait together for the next one.
 *
 * @see https://redis.io/docs/latest/commands/waitaof/
 */
import { fail } from "../../guard/stored.ts";
import { type Connection, type Redis, type Send, textOf } from "./client.ts";
import { shown } from "./proof.ts";

/**
 * Runs a task that writes by `send`; resolves as the task does when that is on disk. One that still waits when
 * `late` rejects never begins.
 */
export type Synced = <T>(task: (send: Send) => Promise<T>, late: Promise<never>) => Promise<T>;

/** Milliseconds. */
const MOST = 1e9;

interface Waiting {
  isLate: boolean;
  /** Writes; answers with what tells its caller, or with nothing to one that has been told already. */
  begin(send: Send): Promise<(() => void) | undefined>;
  reject(error: unknown): void;
}

/** Rejects when a connection has been silent for as long as anybody waits: it may be dead, and nobody is told. */
function createSilence(ms: number): { readonly broken: Promise<never>; end(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const broken = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, ms);
  });
  return { broken, end: () => clearTimeout(timer) };
}

export function createSynced(redis: Redis, timeout: number): Synced {
  // A timer above 2^31 fires at once (F15), and Redis takes whole milliseconds.
  const limit = Math.ceil(Math.min(timeout, MOST));
  let queue: Waiting[] = [];
  let isBusy = false;
  let connection: Connection | undefined;

  /** A lost connection says nothing of writes that it has taken: never wait for them on another one. */
  function drop(): void {
    connection?.end();
    connection = undefined;
  }

  async function write(
    batch: readonly Waiting[],
    silence: Promise<never>,
  ): Promise<readonly ((() => void) | undefined)[]> {
    if (!connection) {
      // The application may have selected another since. A user who may not ask has the one of the client's options.
      const info = await shown(redis.send(["CLIENT", "INFO"], ""));
      const [, database] = / db=(\d+)/.exec(textOf(info) ?? "") ?? [];
      connection = await redis.connect({ reconnects: false, late: silence });
      if (database) await connection.send(["SELECT", database]);
    }
    const { send } = connection;
    const timely = batch.filter(({ isLate }) => !isLate);
    // Those who come next need not wait for nobody's disk.
    if (timely.length === 0) return [];
    const tellings = await Promise.all(timely.map(({ begin }) => begin(send)));
    const reply = await send(["WAITAOF", "1", "0", String(limit)]);
    const [local] = Array.isArray(reply) ? reply : [];
    if (!(Number(local) >= 1)) fail("Redis does not get to its disk");
    return tellings;
  }

  async function work(): Promise<void> {
    isBusy = true;
    while (queue.length > 0) {
      const batch = queue;
      queue = [];
      const silence = createSilence(limit);
      try {
        for (const tell of await Promise.race([write(batch, silence.broken), silence.broken]))
          tell?.();
      } catch (error) {
        drop();
        for (const { reject } of batch) reject(error);
      } finally {
        silence.end();
      }
    }
    isBusy = false;
  }

  return (task, late) =>
    new Promise((resolve, reject) => {
      const begin = async (send: Send): Promise<(() => void) | undefined> => {
        try {
          const answer = await task(send);
          return () => resolve(answer);
        } catch (error) {
          // What one write is refused for is not the others' fault, nor the disk's: its caller waits for neither.
          reject(error);
          return undefined;
        }
      };
      const waiting: Waiting = { isLate: false, begin, reject };
      late.catch(() => {
        waiting.isLate = true;
      });
      queue.push(waiting);
      if (!isBusy) void work();
    });
}
