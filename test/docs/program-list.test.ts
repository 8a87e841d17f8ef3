/**
 * The one place that says which test runs which program of the documentation. Pieces of programs run
 * here, as they stand there; whole programs run where they belong.
 */
import { createHmac } from "node:crypto";
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { IDBFactory } from "fake-indexeddb";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createVault, type StoredRecord, type Vault, VaultError } from "../../src/index.ts";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { ada, createVmcloudApi, type VmcloudApi } from "../apis/vmcloud.ts";
import type { Vaults } from "../../src/vaults.ts";
import { programOf, programsOf, root, workshop } from "../support/programs.ts";
import { pages, read, snippetsOf } from "./pages.ts";

const { folder, save, remove } = workshop();
afterAll(remove);

const VMS = "https://api.vmcloud.com/v1/vms";

const PAGES = "test/package/documented-pages.test.ts";
const RUNTIMES = "test/runtimes/shortest-programs.test.ts";
const RENDERED = "test/package/server-rendered.test.ts";
const TESTS = "test/package/tested-application.test.ts";
const SIGNED_IN = "test/tabs/pages-signed-in.test.ts";
const CLIENTS = "test/clients/clients.test.ts";
const LEAVING = "test/tabs/leaving.ts";
const OWN = "test/docs/own-api.test.ts";
const COOKIE = "test/docs/cookie-page.test.ts";
const LOGINS = "test/docs/logins.test.ts";
const COMING = "test/docs/coming-from.test.ts";
const HERE = "test/docs/program-list.test.ts";
const JWT = "test/docs/jwt-page.test.ts";
const OAUTH = "test/docs/oauth-page.test.ts";
const EDGE = "test/docs/cloudflare.test.ts";
const SERVERS = "test/servers/documented-servers.test.ts";
/** Nothing runs it: `examples.test.ts` compiles it. */
const COMPILED = "test/docs/examples.test.ts";

/** Where the programs of each page run, in the order in which they stand there. */
const runners: Readonly<Record<string, readonly string[]>> = {
  "README.md": [PAGES],
  "docs/browser.md": [PAGES, HERE],
  // The worker, its page, a service worker's page; leaving; isolation, in the worker and in the page.
  "docs/worker.md": [PAGES, PAGES, COMPILED, LEAVING, COMPILED, COMPILED],
  "docs/node.md": [RUNTIMES, HERE],
  "docs/stores.md": [HERE, HERE, HERE],
  "docs/stores-servers.md": [SERVERS, SERVERS, SERVERS],
  "docs/deno.md": [RUNTIMES, "test/deno/copied-programs.test.ts"],
  // As files of `test/workers/docs`, which `cloudflare.test.ts` compares with the page.
  "docs/cloudflare.md": [EDGE, COMPILED, COMPILED, ...Array<string>(12).fill(EDGE)],
  "docs/own-api.md": Array<string>(8).fill(OWN),
  "docs/cookie.md": [COOKIE, COMPILED],
  // Moving; a page, and what each library has stored; a page.
  "docs/coming-from.md": [COMING, COMPILED, COMING, COMING, COMING, COMPILED, COMPILED],
  "docs/logins.md": Array<string>(8).fill(LOGINS),
  // The page; popup, step-up, the worker's page twice, the server's page; the server; its pushes, and the rest.
  "docs/oauth.md": [OAUTH, ...Array<string>(5).fill(COMPILED), OAUTH, COMPILED, COMPILED],
  "docs/oauth-servers.md": [COMPILED, COMPILED],
  "docs/providers.md": [COMPILED],
  "docs/presets.md": [RUNTIMES],
  // The last two: server-sent events, and a WebSocket.
  "docs/fetch.md": [HERE, HERE, COMPILED, COMPILED],
  "docs/wretch.md": [HERE],
  "docs/clients.md": Array<string>(15).fill(CLIENTS),
  "docs/webhooks.md": [HERE],
  "docs/jwt.md": [JWT, JWT, JWT],
  "docs/state.md": [RENDERED, HERE],
  "docs/rendering.md": [COMPILED],
  // A function, failures, time; MSW; Playwright.
  "docs/testing.md": [HERE, HERE, HERE, TESTS, TESTS, TESTS, SIGNED_IN],
  "docs/errors.md": [HERE, HERE],
};

it("no program of the documentation is left out, and each is run where the table says", () => {
  const counts = pages.map((page) => [page, snippetsOf(page, read(page)).length] as const);
  const found = counts.filter(([, count]) => count > 0);
  const listed = Object.entries(runners).map(([page, files]) => [page, files.length]);
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(listed));
  for (const [page, files] of Object.entries(runners))
    for (const file of files)
      if (file !== COMPILED) expect([file, read(file).includes(page)]).toEqual([file, true]);
});

const modules = path.join(folder, "node_modules");
mkdirSync(modules, { recursive: true });
symlinkSync(path.join(root, "node_modules/wretch"), path.join(modules, "wretch"), "junction");
afterAll(() => rmSync(modules, { recursive: true, force: true }));

/** Runs a piece with what it takes for granted; gives what it declares, by name. */
async function run(code: string, given: object, names: readonly string[] = []): Promise<any> {
  Object.assign(globalThis, given);
  const file = save(names.length ? `${code}\nexport { ${names.join(", ")} };\n` : code);
  return import(/* @vite-ignore */ pathToFileURL(file).href);
}

let api: VmcloudApi;
let vault: Vault<PasswordCredentials>;
let sent: Request[];
beforeEach(async () => {
  api = createVmcloudApi();
  sent = [];
  vi.stubGlobal("fetch", async (input: RequestInfo | URL, init?: RequestInit) => {
    const request = new Request(input, init);
    sent.push(request.clone());
    return api.fetch(request);
  });
  vault = createVault({ provider: vmcloud(), store: memoryStore() });
  await vault.signIn({ email: ada.email, password: ada.password });
});
afterEach(() => {
  vault.close();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

describe("what vault.fetch does", () => {
  const stream = programOf("docs/fetch.md", "A body that can be made again");
  const others = programOf("docs/fetch.md", "Other clients");

  it("a stream that is made again is sent again, after its 401 [P11]", async () => {
    api.expireAccessTokens();
    await run(stream, { vault });
    const posts = sent.filter(({ url }) => url.endsWith("/v1/images"));
    expect(posts.map(({ method }) => method)).toEqual(["POST", "POST"]);
    expect(await Promise.all(posts.map((one) => one.text()))).toEqual(["…", "…"]);
    const [first, second] = posts.map(({ headers }) => headers.get("authorization"));
    expect(first).not.toBe(second);
    expect(api.counters()).toMatchObject({ tokenCalls: 1 });
  });

  it("other clients take the header value, or the token, and tell of a 401 of their own", async () => {
    const { headers, token, newer } = await run(others, { vault }, ["headers", "token", "newer"]);
    expect(headers.authorization).toBe(`Bearer ${token}`);
    expect(newer).toMatch(/^eyJ/);
    expect(newer).not.toBe(token);
    expect(api.counters()).toMatchObject({ tokenCalls: 1 });
  });
});

describe("in a page", () => {
  it("a database of its own, sealed, for an account of its own", async () => {
    vi.stubGlobal("indexedDB", new IDBFactory());
    const program = programOf("docs/browser.md", "What is wired");
    const { ada: own } = await run(program, {}, ["ada"]);
    await own.signIn({ email: ada.email, password: ada.password });
    expect((await own.fetch(VMS)).status).toBe(200);
    expect(await own.accounts()).toEqual(["ada"]);
    own.close();
    expect((await indexedDB.databases()).map(({ name }) => name)).toEqual(["my-app-sessions"]);
  });
});

describe("in Node", () => {
  it("a server's users share a store, and nothing else", async () => {
    vi.stubEnv("STATE_DIRECTORY", path.join(folder, "state"));
    const program = programOf("docs/node.md", "A server with many users");
    const { vaults, listVms } = await run(program, {}, ["vaults"]);
    const list = listVms as (user?: string) => Promise<Response>;
    const own = vaults as Vaults<Vault<PasswordCredentials>>;
    await own.with("ada", (vault) => vault.signIn({ email: ada.email, password: ada.password }));
    expect((await list("ada")).status).toBe(200);
    await expect(list("bob")).rejects.toMatchObject({ code: "no_session" });
    await expect(list(undefined)).rejects.toMatchObject({ code: "invalid_option" });
    await own[Symbol.asyncDispose]();
  });

  it("SQLite of your own: a second vault on the file has the session", async () => {
    vi.stubEnv("TOKENKEEP_KEYS", `k1:${btoa("k".repeat(32))}`);
    const { vaultIn } = await run(programOf("docs/stores.md", "SQLite of your own"), {});
    const file = path.join(folder, "application.db");
    const [one, two] = [vaultIn(file), vaultIn(file)];
    await one.signIn({ email: ada.email, password: ada.password });
    expect((await two.fetch(VMS)).status).toBe(200);
    one.close();
    two.close();
  });

  it("a store of your own: two processes share a sealed session, and one refreshes", async () => {
    vi.stubEnv("TOKENKEEP_KEYS", `k1:${btoa("k".repeat(32))}`);
    const [program = "", proof = ""] = programsOf(
      "docs/stores.md",
      "A store of your own is ten lines",
    );
    const { storeOver, vaultOver } = await run(program, {});
    const rowsOf = (kept: Map<string, StoredRecord>) => ({
      get: async (key: string) => kept.get(key),
      async replace(key: string, row: StoredRecord | undefined, found: Partial<StoredRecord>) {
        const { sessionId, revision } = kept.get(key) ?? {};
        if (sessionId !== found.sessionId || revision !== found.revision) return false;
        if (row) kept.set(key, row);
        else kept.delete(key);
        return true;
      },
      keys: async (prefix: string) => [...kept.keys()].filter((key) => key.startsWith(prefix)),
    });
    const kept = new Map<string, StoredRecord>();
    const rows = rowsOf(kept);
    const [one, two] = [vaultOver(rows), vaultOver(rows)];
    await one.signIn({ email: ada.email, password: ada.password });
    api.expireAccessTokens();
    const statuses = await Promise.all([one.fetch(VMS), two.fetch(VMS)]);
    expect(statuses.map(({ status }) => status)).toEqual([200, 200]);
    expect(api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
    expect(JSON.stringify([...kept])).not.toContain(await one.getToken());
    one.close();
    two.close();

    const { prove } = await run(proof, {});
    const said = vi.spyOn(console, "log").mockReturnValue();
    const make = () => storeOver(rowsOf(new Map()));
    const twins = () => {
      const shared = rowsOf(new Map());
      return [storeOver(shared), storeOver(shared)];
    };
    await prove(make, twins);
    expect(said.mock.calls.length).toBeGreaterThan(10);
    said.mockRestore();
  });
});

describe("with wretch", () => {
  const program = programOf("docs/wretch.md");

  it("gets the list, and heals a 401", async () => {
    api.expireAccessTokens();
    const { vms } = await run(program, { vault }, ["vms"]);
    expect(vms).toMatchObject({ vms: [{ name: expect.any(String) }] });
    expect(api.counters()).toMatchObject({ unauthorized: 1, tokenCalls: 1 });
  });

  it("an enduring 401 comes to .unauthorized", async () => {
    api.fault("api", { status: 401, times: "always" });
    expect((await run(program, { vault }, ["vms"])).vms).toEqual([]);
  });
});

it("webhooks: takes a signed delivery, and no other [S13]", async () => {
  const secret = "a secret of 24 bytes or more";
  vi.stubEnv("WEBHOOK_SECRET", secret);
  const info = vi.spyOn(console, "info").mockImplementation(() => {});
  const { receive } = await run(programOf("docs/webhooks.md"), {});
  const deliver = (body: string, signed = body): Promise<Response> => {
    const hex = createHmac("sha256", secret).update(signed).digest("hex");
    const headers = { "x-webhook-signature": `sha256=${hex}` };
    return receive(new Request("https://app.example/hooks", { method: "POST", headers, body }));
  };
  expect((await deliver('{"event":"vm.created"}')).status).toBe(204);
  expect(info).toHaveBeenCalledExactlyOnceWith({ event: "vm.created" });
  const forged = await deliver('{"event":"vm.deleted"}', "{}");
  expect([forged.status, await forged.text()]).toEqual([400, expect.stringMatching(/^\S+$/)]);
  expect(info).toHaveBeenCalledOnce();
});

describe("state and events", () => {
  const events = programOf("docs/state.md", "Events");

  it("events: what happens is logged, without a secret [S4]", async () => {
    const info = vi.spyOn(console, "info").mockImplementation(() => {});
    const { stop } = await run(events, { vault }, ["stop"]);
    const newer = await vault.getToken({ rejected: await vault.getToken() });
    await vi.waitFor(() => expect(info).toHaveBeenCalledTimes(2));
    expect(info.mock.calls).toEqual([
      ["tokenkeep", "refreshing", 1, undefined],
      ["tokenkeep", "refreshed", 2, undefined],
    ]);
    expect(JSON.stringify(info.mock.calls)).not.toContain(newer);
    stop();
    await vault.signOut();
    expect(info).toHaveBeenCalledTimes(2);
  });
});

describe("tests of an application", () => {
  it("a function that is given a vault, whose token has just ended", async () => {
    const program = programOf("docs/testing.md", "A function that is given a vault");
    expect(await run(program, {})).toMatchObject({ shown: "There are things.", refreshes: 1 });
  });

  it("failures: one is waited through, and the end of a session is told", async () => {
    const { served, error } = await run(programOf("docs/testing.md", "When the API fails"), {});
    expect([served.status, error.code]).toEqual([200, "sign_in_required"]);
  });

  it("time passes when the clock is moved", async () => {
    const { api, response, late } = await run(programOf("docs/testing.md", "Time"), {}, ["api"]);
    expect([response.status, late.status]).toEqual([200, 200]);
    expect(api.counts).toMatchObject({ refreshes: 4, reuses: 0 });
  });
});

describe("errors", () => {
  const handle = programOf("docs/errors.md", "Handling one");
  const reading = programOf("docs/errors.md", "Error replies");
  const url = VMS;

  it("asks for a sign-in where the session has ended, and passes on everything else", async () => {
    const showSignIn = vi.fn();
    await run(handle, { vault, url, showSignIn });
    expect(showSignIn).not.toHaveBeenCalled();
    api.revokeFamilies();
    api.expireAccessTokens();
    await run(handle, { vault, url, showSignIn });
    expect(showSignIn).toHaveBeenCalledOnce();
    await vault.signOut();
    await expect(run(handle, { vault, url, showSignIn })).rejects.toSatisfy(
      (error) => error instanceof VaultError && error.code === "no_session",
    );
    expect(showSignIn).toHaveBeenCalledOnce();
  });

  it("reads an error reply", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    await run(reading, { vault, url });
    expect(warn).not.toHaveBeenCalled();
    const headers = { "retry-after": "7", "content-type": "application/json" };
    const body = JSON.stringify({ error: { code: "quota", message: "Too many" } });
    api.fault("api", { status: 429, headers, body });
    await run(reading, { vault, url });
    expect(warn.mock.calls).toEqual([[429, "quota", "Too many", 7000, undefined]]);
  });
});
