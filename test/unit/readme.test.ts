/** The README's pieces of programs run as they stand there; whole programs run where they belong. */
import { createHmac } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createVault, type Vault, VaultError } from "../../src/index.ts";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { ada, createVmcloudApi, type VmcloudApi } from "../apis/vmcloud.ts";
import { programOf, programsOf, root, workshop } from "../support/programs.ts";

const { folder, save, remove } = workshop();
afterAll(remove);

/** Where each heading's programs run. */
const runners = {
  "In a browser": ["test/package/readme.test.ts"],
  "In a worker": ["test/package/readme.test.ts", "test/package/readme.test.ts"],
  "In Node and Bun": ["test/runtimes/programs.test.ts"],
  "In Deno": ["test/runtimes/programs.test.ts"],
  "In Cloudflare Workers": ["test/workers/readme.test.ts"],
  "The five APIs": ["test/runtimes/programs.test.ts"],
  "Your own API": ["test/unit/docs.test.ts"],
  "What `vault.fetch` does": ["here", "here"],
  "With wretch": ["here"],
  Webhooks: ["here"],
  "State and events": ["test/package/rendering.test.ts", "here"],
  Errors: ["here", "here"],
};

it("no program of the README is left out", () => {
  const readme = readFileSync(path.join(root, "README.md"), "utf8");
  const all = readme.match(/```ts\n/g) ?? [];
  const counts = Object.entries(runners).map(([heading, files]) => {
    expect([heading, programsOf(heading).length]).toEqual([heading, files.length]);
    return files.length;
  });
  expect(counts.reduce((sum, one) => sum + one)).toBe(all.length);
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
  const [stream = "", others = ""] = programsOf("What `vault.fetch` does");

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

describe("with wretch", () => {
  const program = programOf("With wretch");

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
  const { receive } = await run(programOf("Webhooks"), {});
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
  const [, events = ""] = programsOf("State and events");

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

describe("errors", () => {
  const [handle = "", read = ""] = programsOf("Errors");
  const url = "https://api.vmcloud.com/v1/vms";

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
    await run(read, { vault, url });
    expect(warn).not.toHaveBeenCalled();
    const headers = { "retry-after": "7", "content-type": "application/json" };
    const body = JSON.stringify({ error: { code: "quota", message: "Too many" } });
    api.fault("api", { status: 429, headers, body });
    await run(read, { vault, url });
    expect(warn.mock.calls).toEqual([[429, "quota", "Too many", 7000, undefined]]);
  });
});
