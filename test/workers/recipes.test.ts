/** The recipes of docs/cloudflare.md, as they stand there: each where it is meant to run. */
import {
  createExecutionContext,
  createMessageBatch,
  createScheduledController,
  getQueueResult,
  waitOnExecutionContext,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createVault } from "../../src/cloudflare.ts";
import { createApi, type TestApi } from "../apis/apis.ts";
import { TokenVault as Sending } from "./docs/bindings.ts";
import { listVms } from "./docs/hono.ts";
import { TokenVault as Measured } from "./docs/metrics.ts";
import { onRequest } from "./docs/pages.ts";
import { queue } from "./docs/queue.ts";
import { scheduled } from "./docs/scheduled.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { credentials, eventually, otherNamespace } from "./stage.ts";
import { providers } from "./worker.ts";
import "./docs/set-up.ts";

const platform = globalThis.fetch;
let api: TestApi;
let ctx: ReturnType<typeof createExecutionContext>;
let own: typeof env;
let accounts = 0;
let account = "";

beforeEach(async () => {
  api = createApi("vmcloud", {});
  globalThis.fetch = async (input, init) => api.fetch(new Request(input, init));
  ctx = createExecutionContext();
  own = { ...env, TOKEN_VAULT: otherNamespace(env.DOCS_VAULT) };
  account = `recipe-${(accounts += 1)}`;
  await createVault({ provider: "vmcloud", account, env: own, ctx }).signIn(credentials);
});
afterEach(async () => {
  await waitOnExecutionContext(ctx);
  globalThis.fetch = platform;
});

it("Queues: what could be called is acknowledged, what nobody is signed in for comes later", async () => {
  const message = (id: string, of: string): object => ({
    id,
    timestamp: new Date(),
    attempts: 1,
    body: { account: of, path: "/v1/vms" },
  });
  const batch = createMessageBatch("calls", [message("a", account), message("b", "nobody")]);
  await queue(batch, own, ctx);
  const { explicitAcks, retryMessages } = await getQueueResult(batch, ctx);
  expect(explicitAcks).toEqual(["a"]);
  expect(retryMessages).toMatchObject([{ msgId: "b" }]);
});

it("Cron: a schedule calls with the session of its account", async () => {
  await createVault({ provider: "vmcloud", env: own, ctx }).signIn(credentials);
  const before = api.counters().requests;
  await scheduled(createScheduledController({ cron: "*/5 * * * *" }), own, ctx);
  expect(api.counters().requests).toBe(before + 1);
});

it("Hono: a handler with its context", async () => {
  const context = { env: own, executionCtx: ctx, req: { param: () => account } };
  expect((await listVms(context)).status).toBe(200);
  const other = { ...context, req: { param: () => undefined } };
  expect(() => listVms(other)).toThrow(/account/);
});

it("Pages Functions: the context is the ctx, and the class is another Worker's", async () => {
  await createVault({ provider: "vmcloud", env: own, ctx }).signIn(credentials);
  const context = { env: own, waitUntil: (work: Promise<unknown>) => ctx.waitUntil(work) };
  expect((await onRequest(context)).status).toBe(200);
});

it("Workflows: a step has the class's own env and ctx", async () => {
  // It runs in this Worker with the bindings that it has, whose class is the tests'.
  providers["vmcloud"] = vmcloud() as never;
  await createVault({ provider: "vmcloud", account, env, ctx }).signIn(credentials);
  const instance = await env.LIST_VMS.create({ params: { account } });
  let last: Awaited<ReturnType<typeof instance.status>> | undefined;
  await eventually(async () => {
    last = await instance.status();
    return last.status === "complete" || last.status === "errored";
  });
  expect(last).toMatchObject({ status: "complete", output: 200 });
});

describe("classes", () => {
  it("that write data points and send by a binding are classes of objects", () => {
    for (const one of [Measured, Sending]) expect(one.prototype.alarm).toBeTypeOf("function");
  });
});
