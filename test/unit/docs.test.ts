/** What the documentation shows compiles, runs, and leaves nothing out. */

import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, describe, expect, it, vi } from "vitest";
import { createVault, type Provider } from "../../src/index.ts";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { readSources } from "./sources.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-docs-"));
// Examples import packages, too.
symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"), "junction");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (file: string): string => readFileSync(path.join(root, file), "utf8");

const pages = [
  ...["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"],
  ...readdirSync(path.join(root, "docs")).map((file) => `docs/${file}`),
];
const modules = readSources().map(({ name }) => `src/${name}.ts`);

interface Snippet {
  /** Where it stands: file and line. */
  readonly place: string;
  readonly code: string;
}

/** The ```ts blocks of a text; those of doc comments lose their stars. */
function snippetsOf(file: string, text: string): Snippet[] {
  const blocks = text.matchAll(/^( \* |)```ts\n(.*?)^\1```$/gms);
  return [...blocks].map(({ 1: margin = "", 2: block = "", index }) => ({
    place: `${file}:${text.slice(0, index).split("\n").length}`,
    code: block.replaceAll(new RegExp(`^${margin.trimEnd().replace("*", "\\*")} ?`, "gm"), ""),
  }));
}

const snippets = [...pages, ...modules].flatMap((file) => snippetsOf(file, read(file)));

/** What a snippet may take for granted. A snippet's own declarations hide these. */
const PRELUDE = `
declare const vault: import("tokenkeep").Vault<
  import("tokenkeep/providers/password").PasswordCredentials
>;
declare const url: string;
declare const email: string;
declare const password: string;
declare function showSignIn(): void;
declare module "*.worker.ts" {
  export const vault: import("tokenkeep/worker").ServedVault;
}
declare module "cloudflare:workers" {
  export abstract class WorkflowEntrypoint {
    protected env: object;
    protected ctx: { waitUntil(promise: Promise<unknown>): void };
    run(event: unknown, step: unknown): Promise<unknown>;
  }
}
declare module "cloudflare:test" {
  export function createExecutionContext(): { waitUntil(promise: Promise<unknown>): void };
  export function waitOnExecutionContext(ctx: object): Promise<void>;
}
`;

/** As strict as a user's settings may be. */
const SETTINGS = {
  target: "ES2022",
  lib: ["ES2023", "ESNext.Disposable", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
  module: "ESNext",
  moduleResolution: "Bundler",
  moduleDetection: "force",
  typeRoots: [path.join(root, "node_modules/@types")],
  types: ["node"],
  paths: {
    tokenkeep: [path.join(root, "src/index.ts")],
    "tokenkeep/*": [path.join(root, "src/*.ts")],
  },
  noEmit: true,
  allowImportingTsExtensions: true,
  strict: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
};

let projects = 0;

/** What the compiler complains about; it speaks of places in the documentation. */
async function compile(list: readonly Snippet[]): Promise<string> {
  const project = path.join(folder, `${projects++}`);
  mkdirSync(project);
  writeFileSync(path.join(project, "prelude.d.ts"), PRELUDE);
  const files = list.map(({ code }, index) => {
    writeFileSync(path.join(project, `snippet-${index}.ts`), code);
    return `snippet-${index}.ts`;
  });
  const deno = path.join(root, "test/deno/globals.d.ts");
  const settings = { compilerOptions: SETTINGS, files: ["prelude.d.ts", deno, ...files] };
  writeFileSync(path.join(project, "tsconfig.json"), JSON.stringify(settings));

  const tsc = path.join(root, "node_modules/typescript/bin/tsc");
  const child = spawn(process.execPath, [tsc, "--pretty", "false", "-p", project]);
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code !== 0 && output === "") output = `tsc ended with ${code}`;
  return output.replaceAll(
    /\S*snippet-(\d+)\.ts/g,
    (_, index: string) => `${list[Number(index)]?.place}, in its line `,
  );
}

describe("examples", () => {
  it("every example compiles", async () => {
    expect(snippets.length).toBeGreaterThan(20);
    expect(await compile(snippets)).toBe("");
  });

  it("a wrong example is told, with its place", async () => {
    const [right] = snippets;
    const text = "Text.\n\n```ts\nawait vault.fetch(url);\nawait vault.fecth(url);\n```\n";
    const [wrong] = snippetsOf("page.md", text);
    const complaint = await compile([right!, wrong!]);
    expect(complaint).toContain("page.md:3");
    expect(complaint).toContain("fecth");
    expect(complaint.trim().split("\n")).toHaveLength(1);
  });

  it("no block and no @example is passed over", () => {
    for (const file of [...pages, ...modules]) {
      const text = read(file);
      const found = snippetsOf(file, text).length;
      expect([file, found]).toEqual([file, [...text.matchAll(/^[\s*>]*```ts/gm)].length]);
      // Each page and module writes its examples in the one way that is compiled.
      expect(text).not.toMatch(/```(typescript|tsx|js|javascript)\b/);
      for (const [, after] of text.matchAll(/@example\n([^\n]*)/g)) expect(after).toBe(" * ```ts");
    }
  });
});

describe("a provider of one's own", () => {
  const ORIGIN = "https://api.acme.example";
  const all = ["README.md", "docs/providers.md"].flatMap((page) => snippetsOf(page, read(page)));
  const over = (mechanism: string): Snippet =>
    all.find(
      ({ code }) =>
        code.includes("export const acme") &&
        code.includes(`from "tokenkeep/providers/${mechanism}"`),
    )!;

  /** The provider that a snippet exports, as it stands there. */
  async function load<Credentials>(mechanism: string): Promise<Provider<Credentials>> {
    const file = path.join(folder, `own-${mechanism}.ts`);
    const source = fileURLToPath(pathToFileURL(path.join(root, "src/")));
    writeFileSync(file, over(mechanism).code.replaceAll(/"tokenkeep\/(.+?)"/g, `"${source}$1.ts"`));
    const { acme } = await import(/* @vite-ignore */ pathToFileURL(file).href);
    return acme as Provider<Credentials>;
  }

  /** A vault over it, and what its API sees. `accepts` says whether an `Authorization` is good. */
  async function open<Credentials>(mechanism: string, accepts: (value: string) => boolean) {
    const seen: unknown[] = [];
    const replies: Record<string, object> = {
      "/login": { token: "one", refresh: "first", expires_in: 3600 },
      "/refresh": { token: "two", refresh: "second", expires_in: "3600" },
    };
    const api = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
      const request = new Request(input, init);
      const authorization = request.headers.get("authorization");
      const body = await request.text();
      const called = request.url.slice(ORIGIN.length);
      seen.push([request.method, called, authorization ?? (JSON.parse(body) as unknown)]);
      if (called === "/token")
        return Response.json({ access_token: `minted-${seen.length}`, expires_in: 3600 });
      if (called in replies) return Response.json(replies[called]);
      return accepts(authorization ?? "")
        ? Response.json({ fine: true })
        : Response.json({ error: "expired" }, { status: 401 });
    };
    const provider = await load<Credentials>(mechanism);
    return { vault: createVault({ provider, store: memoryStore(), fetch: api }), seen };
  }

  it.each(["password", "static-token", "mint", "self-signed"])(
    "takes fifteen lines at most over %s",
    (mechanism) => {
      const lines = over(mechanism).code.trimEnd().split("\n");
      expect(lines.length).toBeGreaterThan(5);
      expect(lines.length).toBeLessThanOrEqual(15);
    },
  );

  it("works over password: sign-in, a 401, one refresh, the same request again", async () => {
    const { vault, seen } = await open<PasswordCredentials>(
      "password",
      (value) => value === "Bearer two",
    );
    await vault.signIn({ email: "ada@acme.example", password: "correct horse" });
    const response = await vault.fetch(`${ORIGIN}/things`);
    expect(await response.json()).toEqual({ fine: true });
    expect(seen).toEqual([
      ["POST", "/login", { email: "ada@acme.example", password: "correct horse" }],
      ["GET", "/things", "Bearer one"],
      ["POST", "/refresh", { refresh_token: "first" }],
      ["GET", "/things", "Bearer two"],
    ]);
  });

  it("works over static-token: from the environment, its 401 as it is", async () => {
    vi.stubEnv("ACME_TOKEN", "from-env");
    const { vault, seen } = await open<{ token: string } | void>("static-token", () => false);
    await vault.signIn();
    expect((await vault.fetch(`${ORIGIN}/things`)).status).toBe(401);
    expect(seen).toEqual([["GET", "/things", "Token from-env"]]);
    vi.unstubAllEnvs();
  });

  it("works over mint: sign-in, a 401, one more mint, the same request again", async () => {
    const { vault, seen } = await open<{ id: string; secret: string }>(
      "mint",
      (value) => value === "Bearer minted-3",
    );
    await vault.signIn({ id: "web", secret: "s3cret" });
    expect((await vault.fetch(`${ORIGIN}/things`)).status).toBe(200);
    const body = { client_id: "web", client_secret: "s3cret" };
    expect(seen).toEqual([
      ["POST", "/token", body],
      ["GET", "/things", "Bearer minted-1"],
      ["POST", "/token", body],
      ["GET", "/things", "Bearer minted-3"],
    ]);
  });

  it("works over self-signed: a JWT with the claims, and no request but the API's", async () => {
    const { vault, seen } = await open<{ user: string; apiKey?: string }>(
      "self-signed",
      () => true,
    );
    await vault.signIn({ user: "ada", apiKey: "s3cret".repeat(6) });
    expect((await vault.fetch(`${ORIGIN}/things`)).status).toBe(200);
    expect(seen).toEqual([["GET", "/things", expect.stringMatching(/^Bearer eyJ/)]]);
    const { iat, ...claims } = vault.snapshot().claims!;
    expect(claims).toEqual({ sub: "ada", role: "reader", exp: Number(iat) + 600 });
  });
});

it("SECURITY.md says first what sealing does not do [S9]", () => {
  const [section = ""] = read("SECURITY.md")
    .split("## What sealing does not do")[1]!
    .split("\n## ");
  expect(section).toMatch(/stolen disk.*gives everything away/i);
  expect(section).toMatch(/script in the page.*is not stopped/i);
});

describe("SECURITY.md on a replaced fetch", () => {
  const VMS = "https://api.vmcloud.com/v1/vms";
  const adopted = { accessToken: "access-1", refreshToken: "refresh-1" };
  /** What is sent, as a script would see it that takes the place of `fetch`. */
  function spy(): { readonly seen: string[]; readonly fetch: typeof fetch } {
    const seen: string[] = [];
    return {
      seen,
      async fetch(input, init) {
        const request = new Request(input, init);
        seen.push(`${request.headers.get("authorization")} ${await request.text()}`);
        return new Response(null, { status: request.url === VMS ? 401 : 500 });
      },
    };
  }

  it("one that comes after the vault sees access token and refresh token", async () => {
    const vault = createVault({ provider: vmcloud(), store: memoryStore(), patience: 50 });
    const { seen, fetch } = spy();
    vi.stubGlobal("fetch", fetch);
    await vault.adopt(adopted);
    await vault.fetch(VMS);
    vi.unstubAllGlobals();
    expect(seen[0]).toContain("Bearer access-1");
    expect(seen[1]).toContain("refresh-1");
  });

  it("nothing is seen of a vault that was given a fetch", async () => {
    const [own, late] = [spy(), spy()];
    const vault = createVault({
      provider: vmcloud(),
      store: memoryStore(),
      patience: 50,
      fetch: own.fetch,
    });
    vi.stubGlobal("fetch", late.fetch);
    await vault.adopt(adopted);
    await vault.fetch(VMS);
    vi.unstubAllGlobals();
    expect(own.seen.length).toBeGreaterThan(1);
    expect(late.seen).toEqual([]);
  });
});

describe("tables", () => {
  const readme = read("README.md");
  /** What the first cells of the README's tables name. */
  const named = new Set(
    [...readme.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = ""]) =>
      [...cell.matchAll(/`(?:Symbol\.)?([\w-]+)/g)].map(([, name]) => name),
    ),
  );
  /** What a declaration of `file` lists, as `pattern` finds it. */
  const listed = (file: string, start: string, end: string, pattern: RegExp): string[] => {
    const text = read(file);
    const from = text.indexOf(start);
    return [...text.slice(from, text.indexOf(end, from)).matchAll(pattern)].map(
      ([, name]) => name!,
    );
  };

  it.each([
    ["error code", "src/errors.ts", "type VaultErrorCode", ";\n", /^ {2}\| "(\w+)"/gm, 9],
    ["reason", "src/errors.ts", "type VaultErrorReason", ";\n", /^ {2}\| "(\w+)"/gm, 7],
    ["flaw of a token", "src/errors.ts", "type TokenFlaw", ";\n", /^ {2}\| "(\w+)"/gm, 7],
    ["option", "src/types.ts", "interface VaultOptions", "\n}", /^ {2}readonly (\w+)/gm, 15],
    [
      "member of the vault",
      "src/vault/vault.ts",
      "interface Vault<",
      "\n}",
      /^ {2}(?:readonly )?\[?(?:Symbol\.)?(\w+)/gm,
      13,
    ],
    ["event", "src/refresh/contract.ts", "type EngineEventType", ";\n", /^ {2}\| "([\w-]+)"/gm, 7],
    ["event", "src/vault/vault.ts", "interface VaultEvent", "readonly account", /\| "(\w+)"/g, 2],
  ])("the README has every %s of %s", (_, file, start, end, pattern, least) => {
    const names = listed(file, start, end, pattern);
    expect(names.length).toBeGreaterThanOrEqual(least);
    expect(names.filter((name) => !named.has(name))).toEqual([]);
  });

  it("CONTRIBUTING.md names every script", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const contributing = read("CONTRIBUTING.md");
    const names = Object.keys(scripts).filter((name) => name !== "prepack");
    expect(names.filter((name) => !RegExp(`\\b${name}\\b`).test(contributing))).toEqual([]);
  });

  it("every link inside the repository leads to a file, and every #part to a heading", () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https:)([^)#]*)#?([^)]*)\)/g)]
        .map(([, file = "", part = ""]) => [
          file ? path.join(path.dirname(page), file) : page,
          part,
        ])
        .filter(([file = "", part = ""]) => !leads(file, part))
        .map((link) => `${page}: ${link.join("#")}`),
    );
    expect(broken).toEqual([]);
    expect(leads("README.md", "no-such-part") || leads("docs/none.md", "")).toBe(false);
  });

  const leads = (file: string, part: string): boolean =>
    existsSync(path.join(root, file)) &&
    (part === "" ||
      [...read(file).matchAll(/^#+ (.+)$/gm)].some(
        ([, title = ""]) =>
          title
            .toLowerCase()
            .replaceAll(/[^\w\s-]/g, "")
            .replaceAll(" ", "-") === part,
      ));
});
