/** docs/clients.md: each client's program, word for word, over real sockets. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { createVault, isVaultError, type Vault } from "tokenkeep";
import { memoryStore } from "tokenkeep/stores/memory";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { programOf, root } from "../support/programs.ts";
import { type Acme, createAcme } from "./many-protocols.ts";

const PAGE = "docs/clients.md";
const THINGS = ["lamp", "chair"];
const PRELUDE = `declare const vault: import("tokenkeep").Vault<never>;\n`;

/** What each client makes of the two things. */
const shapes: Readonly<Record<string, unknown>> = {
  ky: THINGS,
  ofetch: THINGS,
  axios: THINGS,
  "openapi-fetch": THINGS,
  "hey-api": THINGS,
  "graphql-request": { things: THINGS },
  urql: { things: THINGS },
  "Apollo Client": { things: THINGS },
  tRPC: THINGS,
  eventsource: JSON.stringify(THINGS),
  "fetch-event-source": JSON.stringify(THINGS),
  MCP: THINGS.map((name) => expect.objectContaining({ name })),
  "MCP over SSE": THINGS.map((name) => expect.objectContaining({ name })),
  OpenAI: expect.objectContaining({ data: THINGS.map((id) => expect.objectContaining({ id })) }),
};

/** Beside the installed clients, which the programs import. */
const folder = path.join(import.meta.dirname, "programs");
beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const settings = { extends: "../tsconfig.json", include: ["."], exclude: [] };
  writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify(settings));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let programs = 0;
/** A client's program as a file, with another origin. */
function save(name: string, origin: string): string {
  const file = path.join(folder, `program-${programs++}.ts`);
  writeFileSync(file, programOf(PAGE, name).replaceAll("https://api.acme.example", origin));
  return file;
}

let acme: Acme;
let vault: Vault<never>;
/** How often a program's client has called `vault.fetch`. */
let calls = 0;
beforeEach(async () => {
  acme = await createAcme();
  const { api } = acme;
  vault = createVault({
    provider: api.provider,
    store: memoryStore(),
    dangerouslyAllowLoopbackHttp: true,
  });
  await vault.adopt(api.grant());
  calls = 0;
  const counted: Vault<never> = {
    ...vault,
    fetch(input, init) {
      calls += 1;
      return vault.fetch(input, init);
    },
  };
  Object.assign(globalThis, { vault: counted });
  onTestFinished(async () => {
    vault.close();
    await acme.close();
  });
});

/** fetch-event-source asks a page whether it is hidden; other clients would take this for a whole browser. */
function standForAPage(): void {
  vi.stubGlobal("document", Object.assign(new EventTarget(), { hidden: false }));
  vi.stubGlobal("window", globalThis);
  onTestFinished(() => void vi.unstubAllGlobals());
}

async function run(name: string): Promise<Record<string, unknown>> {
  if (name === "fetch-event-source") standForAPage();
  const file = save(name, acme.api.origin);
  return import(/* @vite-ignore */ pathToFileURL(file).href);
}

/** What a call ends with: most clients throw, and urql gives the error back. */
const errorOf = (name: string): Promise<unknown> =>
  run(name).then(
    ({ error }) => error,
    (reason: unknown) => reason,
  );

let vaultErrorIn: (error: unknown) => unknown;
beforeAll(async () => {
  const file = path.join(folder, "vault-error.ts");
  writeFileSync(file, programOf(PAGE));
  ({ vaultErrorIn } = await import(/* @vite-ignore */ pathToFileURL(file).href));
});

/** Which way leads from a client's error to the vault's. */
function wayTo(error: unknown, way = "error", depth = 3): string | undefined {
  if (isVaultError(error)) return way;
  if (typeof error !== "object" || error === null || depth === 0) return undefined;
  const names = new Set(["cause", ...Object.getOwnPropertyNames(error)]);
  for (const name of names) {
    const found = wayTo(Reflect.get(error, name), `${way}.${name}`, depth - 1);
    if (found) return found;
  }
  return undefined;
}

/** What the page's table says: the way to the vault's error, and how often the client asks. */
function toldOf(name: string): { way: string | undefined; calls: number } {
  const page = readFileSync(path.join(root, PAGE), "utf8");
  const row = page.split("\n").find((line) => line.startsWith(`| [${name}](`)) ?? "";
  const [, , way = "", besides = ""] = row.split("|").map((cell) => cell.trim());
  const [, code] = /^`([\w.]+)`/.exec(way) ?? [];
  return {
    way: code,
    calls: besides.includes("twice") ? 2 : besides.includes("three times") ? 3 : 1,
  };
}

describe.each(Object.entries(shapes))("%s", (name, shape) => {
  it("is served, and a 401 is healed once [P11]", async () => {
    acme.api.expire();
    const { things, error } = await run(name);
    expect(error).toBeUndefined();
    expect(things).toEqual(shape);
    expect(acme.api.counts).toMatchObject({ refreshes: 1, unauthorized: 1, reuses: 0 });
  });

  it("an ended session shows the vault's error where the page says, after one refresh [P9]", async () => {
    acme.api.revoke();
    const error = await errorOf(name);
    expect({ way: wayTo(error), calls }).toEqual(toldOf(name));
    expect(isVaultError(vaultErrorIn(error))).toBe(true);
    expect(acme.api.counts).toMatchObject({ refreshes: 1, requests: 1 });
  });
});

it("a client's own error stays what it is: no vault's error is seen in it", async () => {
  acme.api.fail({ on: "request", status: 500, times: Infinity });
  for (const name of ["openapi-fetch", "tRPC", "MCP"])
    expect([name, vaultErrorIn(await errorOf(name))]).toEqual([name, undefined]);
});

it.each(["eventsource", "fetch-event-source", "MCP over SSE"])(
  "%s: the page's program does not connect again after an ended session [P9]",
  async (name) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    acme.api.revoke();
    expect(isVaultError(await errorOf(name))).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([calls, vi.getTimerCount()]).toEqual([1, 0]);
  },
);

it("each program compiles with its client's own types", async () => {
  const sections = readFileSync(path.join(root, PAGE), "utf8").match(/```ts\n/g) ?? [];
  expect(sections).toHaveLength(Object.keys(shapes).length + 1);
  for (const name of Object.keys(shapes)) save(name, "https://api.acme.example");
  writeFileSync(path.join(folder, "prelude.d.ts"), PRELUDE);
  writeFileSync(
    path.join(folder, "server.ts"),
    'export type { AppRouter } from "../many-protocols.ts";\n',
  );
  const tsc = path.join(root, "node_modules/typescript/bin/tsc");
  const { stdout, status } = spawnSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" });
  expect([stdout, status]).toEqual(["", 0]);
}, 120_000);
