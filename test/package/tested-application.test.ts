/**
 * Tests of an application, under jsdom and happy-dom, with MSW: the files of docs/testing.md, word for
 * word, beside the packed file. Vitest fails a run in which a rejection is left unhandled.
 */
import { readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { install, manifest, newFolder, packTokenkeep, type Ran, root, tool } from "./pack.ts";

const folder = newFolder();
const app = path.join(folder, "app");

/** The page's files: each says its own name first. */
const files: ReadonlyMap<string, string> = new Map(
  readFileSync(path.join(root, "docs/testing.md"), "utf8")
    .split("```ts\n// ")
    .slice(1)
    .map((block) => [
      block.split("\n")[0]!,
      block.slice(block.indexOf("\n"), block.indexOf("```")),
    ]),
);
const fileOf = (name: string): string => files.get(name) ?? "";

/** What an application has besides: its vault in a worker, a sign-out that it does not wait for. */
const MORE = `
  import { connectVault, serveVault } from "tokenkeep/worker";

  it("a sign-in is stored, and found by the next vault", async () => {
    await vault.signIn({ email: "ada@example.com", password: "secret" });
    expect(vault.snapshot().persisted).toBe(true);
    const token = await vault.getToken();
    expect(await createVault({ provider: vmcloud() }).getToken()).toBe(token);
  });

  it("a vault for a worker falls back to the page", async () => {
    const connected = connectVault<{ email: string; password: string }>(
      () => new SharedWorker("/vault.worker.js", { type: "module" }),
      { fallback: async () => ({ vault: serveVault({ provider: vmcloud() }) }) },
    );
    await connected.signIn({ email: "ada@example.com", password: "secret" });
    expect((await connected.fetch(api.origin + "/v1/vms")).status).toBe(200);
    void connected.signOut();
    await connected.signOut();
    connected.close();
  });

  it("the date may be faked", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    await vault.signIn({ email: "ada@example.com", password: "secret" });
    const token = await vault.getToken();
    vi.setSystemTime(Date.now() + 25 * 3_600_000);
    expect(await vault.getToken()).not.toBe(token);
    vi.useRealTimers();
  });
`;

const STORELESS = `
  import { connectVault } from "tokenkeep/worker";

  it("a sign-in lives in memory; a sign-out rejects, and nobody has to handle that", async () => {
    await vault.signIn({ email: "ada@example.com", password: "secret" });
    expect(vault.snapshot()).toMatchObject({ status: "signed-in", persisted: false });
    void vault.signOut();
    await expect(vault.signOut()).rejects.toMatchObject({ code: "store_unavailable" });
    expect(vault.snapshot().status).toBe("signed-out");
    await new Promise(setImmediate);
  });

  it("without a worker, too", async () => {
    const connected = connectVault(() => new SharedWorker("/vault.worker.js"));
    void connected.signOut();
    await expect(connected.signOut()).rejects.toMatchObject({ code: "worker_unavailable" });
    await new Promise(setImmediate);
  });
`;

beforeAll(async () => {
  await install(app, await packTokenkeep(folder), Object.keys(manifest.dependencies));
  for (const name of ["vitest", "msw", "jsdom", "happy-dom", "fake-indexeddb"])
    symlinkSync(
      path.join(root, "node_modules", name),
      path.join(app, "node_modules", name),
      "junction",
    );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs one test file of the application's, with the page's setup and setting, changed where said. */
async function run(
  test: string,
  { environment, setup = fileOf("vitest.setup.ts"), config = fileOf("vitest.config.ts") }: Setting,
): Promise<Ran> {
  writeFileSync(path.join(app, "vitest.setup.ts"), setup);
  writeFileSync(path.join(app, "vms.test.ts"), test);
  const chosen = config.replace('environment: "happy-dom"', `environment: "${environment}"`);
  writeFileSync(path.join(app, "vitest.config.ts"), chosen);
  return tool("vitest/vitest.mjs", ["run", "--root", app], app);
}

interface Setting {
  readonly environment: "jsdom" | "happy-dom";
  readonly setup?: string;
  readonly config?: string;
}

const example = fileOf("vms.test.ts");
/** The same application, with other tests. */
const withTests = (tests: string): string =>
  [example.slice(0, example.indexOf("\nit(")), tests, 'import { vi } from "vitest";'].join("\n");

describe.each(["jsdom", "happy-dom"] as const)("an application's tests under %s", (environment) => {
  it("pass as the documentation writes them", async () => {
    expect(await run(example, { environment })).toMatchObject({ code: 0 });
  });

  it("find the session stored, fall back from a worker, and may fake the date", async () => {
    expect(await run(withTests(MORE), { environment })).toMatchObject({ code: 0 });
  });

  it("fail without the one line, by the sign-out that they wait for", async () => {
    const { code, output } = await run(example, { environment, setup: "" });
    expect(code).toBe(1);
    expect(output).toContain("IndexedDB is denied");
  });

  it("leave no rejection unhandled where there is no store, and nobody waits for a sign-out", async () => {
    const test = withTests(STORELESS).replace("afterEach(() => vault.signOut());", "");
    expect(await run(test, { environment, setup: "" })).toMatchObject({ code: 0 });
  });
});

const OWN_HANDLERS = `
  import { HttpResponse } from "msw";

  it("sees handlers of its own", async () => {
    await vault.signIn({ email: "ada@example.com", password: "secret" });
    server.resetHandlers(
      http.get(api.origin + "/v1/vms", () => HttpResponse.json({ vms: ["own"] })),
    );
    const response = await vault.fetch(api.origin + "/v1/vms");
    expect(await response.json()).toEqual({ vms: ["own"] });
    server.resetHandlers(...api.handlers(http));
  });
`;

it("handlers of an application's own alone need one setting for happy-dom's preflights", async () => {
  const test = withTests(OWN_HANDLERS);
  const setting = `environmentOptions: { happyDOM: { settings: { fetch: { disableSameOriginPolicy: true } } } },`;
  expect(fileOf("vitest.config.ts")).not.toContain("environmentOptions");
  expect(readFileSync(path.join(root, "docs/testing.md"), "utf8")).toContain(setting.slice(0, -1));
  const without = await run(test, { environment: "happy-dom" });
  expect(without).toMatchObject({ code: 1 });
  expect(without.output).toContain("OPTIONS https://api.vmcloud.com");
  const config = fileOf("vitest.config.ts").replace("test: {", `test: { ${setting}`);
  expect(await run(test, { environment: "happy-dom", config })).toMatchObject({ code: 0 });
});
