/** One of several threads of a process, each with a vault of its own on one folder: it obeys by messages. */
import { parentPort, workerData } from "node:worker_threads";
import { createVault } from "../../src/node.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { clockAhead } from "../support/clock.ts";
import { carryOut, type Order } from "../support/obeying-process.ts";

/** What a thread is started with. */
export interface Start {
  readonly path: string;
  readonly baseURL: string;
}

const { path, baseURL } = workerData as Start;
let passed = 0;
const vault = createVault({
  path,
  provider: vmcloud({ baseURL }),
  dangerouslyAllowLoopbackHttp: true,
  // As if it had been in use all the time, although its clock leaps.
  maxStaleness: 1e10,
  clock: clockAhead(() => passed),
});

parentPort?.on("message", async ({ id, ...order }: Order & { readonly id: number }) => {
  passed += order.advance ?? 0;
  parentPort?.postMessage({ id, results: await carryOut(vault, order) });
});
