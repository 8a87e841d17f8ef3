/** The recipes of docs/cloudflare.md, as they stand there: each where it is meant to run. */
import {
  createExecutionContext,
  createMessageBatch,
  createScheduledController,
  getQueueResult,
  waitOnExecutionContext,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { generateSignedCookie } from "hono/cookie";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createVault } from "../../src/cloudflare.ts";
import { createApi, type TestApi } from "../apis/apis.ts";
import { listVms } from "./docs/hono.ts";
import { onRequest } from "./docs/pages-function.ts";
import { queue } from "./docs/queue-consumer.ts";
import { scheduled } from "./docs/scheduled.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { credentials, type Env, eventually, otherNamespace } from "./strict-vmcloud.ts";
import { hooks, providers } from "./tested-worker.ts";
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

it("Hono: a route's handler, with the context that Hono makes", async () => {
  const COOKIE_SECRET = "the Worker alone knows it";
  const app = new Hono<{ Bindings: Env & { COOKIE_SECRET: string } }>().get("/vms", listVms);
  const ask = async (cookie = ""): Promise<Response> =>
    app.request("/vms", { headers: { cookie } }, { ...own, COOKIE_SECRET }, ctx as never);
  const signed = (visitor: string, secret = COOKIE_SECRET): Promise<string> =>
    generateSignedCookie("visitor", visitor, secret);
  expect((await ask(await signed(account))).status).toBe(200);
  // Another visitor is another account.
  app.onError((error, c) => c.text((error as { code?: string }).code ?? "", 500));
  expect(await (await ask(await signed("nobody"))).text()).toBe("no_session");
  // A stranger, and one who merely names an account, is nobody.
  const strangers = ["", `visitor=${account}`, await signed(account, "another's")];
  for (const cookie of strangers) expect((await ask(cookie)).status).toBe(401);
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

/** The recipe is the Worker's only class that has a provider of this name: the last one counts. */
const alone = (recipe: string): Promise<unknown> => import(`./docs/${recipe}.ts?alone`);

it("Metrics: what the object tells, and what a Worker tells, are data points of Analytics Engine [F88]", async () => {
  await alone("metrics");
  const points: object[] = [];
  const EVENTS = {
    writeDataPoint(point: object) {
      points.push(point);
      // Only what the binding itself takes is a data point.
      env.EVENTS.writeDataPoint(structuredClone(point));
    },
  };
  hooks.env = { EVENTS };
  const binding = "MEASURED_VAULT";
  const vault = createVault({
    provider: "vmcloud",
    account,
    binding,
    env: { ...own, EVENTS },
    ctx,
  });
  await vault.signIn(credentials);
  await (await vault.fetch("https://elsewhere.example/")).text();
  await eventually(() => points.length >= 2);
  expect(points).toEqual([
    { indexes: ["signed-in"], blobs: ["signed-in", account, ""], doubles: [0, 1] },
    { indexes: ["bare"], blobs: ["bare", account, "https://elsewhere.example"], doubles: [0, 0] },
  ]);
});

it("Service bindings: one sends to the token endpoint, and to the API", async () => {
  await alone("bindings");
  const binding = "SENDING_VAULT";
  const vault = createVault({ provider: "vmcloud", account, binding, env: { ...own }, ctx });
  await vault.signIn(credentials);
  api.expireAccessTokens();
  expect((await vault.fetch("https://api.vmcloud.com/v1/vms")).status).toBe(200);
  const path = "https://api.vmcloud.com";
  expect(hooks.outbound).toEqual([
    `POST ${path}/api/v1/auth/token`,
    `GET ${path}/v1/vms`,
    `POST ${path}/api/v1/auth/refresh`,
    `GET ${path}/v1/vms`,
  ]);
});
