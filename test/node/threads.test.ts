/**
 * Several threads of one process on one folder, each with the library of its own. The system's locks are the
 * process's, so that nothing but SQLite keeps its threads apart.
 */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, inject, it } from "vitest";
import { type SpawnedApi, spawnApi } from "../apis/client.ts";
import { passing, type Verbs, verbsOf } from "../support/member-processes.ts";
import type { Answer, Order, Results } from "../support/obeying-process.ts";
import { printIfFailed } from "../support/server-says.ts";
import { DAY, every, freshFolder } from "./folder-family.ts";
import { type Looking, LOOKS } from "./looks.ts";
import type { Start } from "./thread.ts";

const SIZE = 4;

interface Thread extends Verbs {
  fetch(path: string, times?: number): Promise<Results>;
  /** Resolves once it has looked at the record, and knows what it has seen. */
  look(): Promise<unknown>;
  terminate(): Promise<unknown>;
}

const living = new Set<Worker>();
afterEach(async () => {
  await Promise.all([...living].map((worker) => worker.terminate()));
  living.clear();
});

function start(data: Start): Thread {
  const worker = new Worker(new URL("thread.ts", import.meta.url), {
    workerData: data,
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  living.add(worker);
  const waiting = new Map<number, (results: Results) => void>();
  worker.on("message", ({ id, results }: Answer) => waiting.get(id)?.(results));
  let orders = 0;
  const ask = (order: Order & Partial<Looking>): Promise<Results> =>
    new Promise((resolve, reject) => {
      orders += 1;
      waiting.set(orders, resolve);
      worker.once("error", reject);
      worker.postMessage({ ...order, id: orders });
    });
  return {
    ...verbsOf({ ask }),
    fetch: (where, times = 1) => ask({ fetch: data.baseURL + where, times }),
    look: () => ask({ looks: LOOKS }),
    terminate: () => worker.terminate(),
  };
}

interface Scene {
  readonly api: SpawnedApi;
  readonly folder: string;
  readonly threads: readonly [Thread, ...Thread[]];
  pass(ms: number, threads?: readonly Thread[]): Promise<void>;
}

async function scene({ stillSince }: Pick<Start, "stillSince"> = {}): Promise<Scene> {
  const folder = freshFolder();
  const api = await spawnApi(inject("control"), { rotation: "strict" });
  printIfFailed(api);
  const begin = (): Thread => start({ path: folder, baseURL: api.url, stillSince });
  const first = begin();
  const threads = [first, ...Array.from({ length: SIZE - 1 }, begin)] as const;
  // All at once: one key file and one database are made.
  await Promise.all(threads.map((thread) => thread.fetch("/v1/vms")));
  await first.signIn();
  const warm = await Promise.all(threads.map((thread) => thread.fetch("/v1/vms")));
  expect(warm.flat()).toEqual(every(SIZE, 200));
  return { api, folder, threads, pass: passing<Thread>(api, threads) };
}

const all = async (threads: readonly Thread[]): Promise<Results> =>
  (await Promise.all(threads.map((thread) => thread.fetch("/v1/vms", 3)))).flat();

describe("four threads of one process", () => {
  it("refresh once for all, again and again, and leave no lock behind [P1 P2]", async () => {
    const { api, folder, threads, pass } = await scene();
    for (const round of [1, 2, 3]) {
      await pass(DAY);
      expect(await all(threads)).toEqual(every(3 * SIZE, 200));
      expect(await api.counters()).toMatchObject({ tokenCalls: round, reuseDetections: 0 });
    }
    const locks = path.join(folder, "locks");
    expect(existsSync(locks) ? readdirSync(locks) : []).toEqual([]);
  });

  it("one is terminated in mid-refresh, and its request is lost: the others are served by the last chance [P2 P10 F39 F57]", async () => {
    // Who waits for a deadline waits in vain, because no time passes until then.
    const { api, threads, pass } = await scene({ stillSince: Date.now() });
    const [victim, ...others] = threads;
    await api.fault("refresh", { dropReply: "before" });
    const gate = await api.gate("refresh", "before");
    await pass(DAY);
    void victim.fetch("/v1/vms");
    await gate.arrived;
    const served = all(others);
    await victim.terminate();
    await gate.left;
    await gate.release();
    await Promise.race([served, Promise.all(others.map((one) => one.look()))]);
    await pass(6000, others);
    expect(await served).toEqual(every(3 * others.length, 200));
    expect(await api.counters()).toMatchObject({
      tokenCalls: 2,
      refreshed: 1,
      reuseDetections: 0,
    });
  });
});
