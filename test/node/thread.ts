/** One of several threads of a process, each with a vault of its own on one folder: it obeys by messages. */
import { parentPort, workerData } from "node:worker_threads";
import { createVault } from "../../src/node.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { clockAhead, stillClock } from "../support/clock.ts";
import { carryOut, type Order } from "../support/obeying-process.ts";
import { countLooks, type Looking } from "./looks.ts";

/** What a thread is started with. */
export interface Start {
  readonly path: string;
  readonly baseURL: string;
  /** When its clock stood still. From there on only the time passes that it is told of. */
  readonly stillSince?: number | undefined;
}

const { path, baseURL, stillSince } = workerData as Start;
const looked = countLooks();
let passed = 0;
const vault = createVault({
  path,
  provider: vmcloud({ baseURL }),
  dangerouslyAllowLoopbackHttp: true,
  // As if it had been in use all the time, although its clock leaps.
  maxStaleness: 1e10,
  clock: stillSince ? stillClock(stillSince, () => passed) : clockAhead(() => passed),
});

type Ordered = Order & Partial<Looking> & { readonly id: number };

parentPort?.on("message", async ({ id, looks, ...order }: Ordered) => {
  if (looks) await looked(looks);
  passed += order.advance ?? 0;
  parentPort?.postMessage({ id, results: await carryOut(vault, order) });
});
