/**
 * The packed declarations in the applications that read them: by the oldest TypeScript that is promised,
 * by some since and by the newest, beside the types of each runtime (F75).
 */
import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compile, runtimeTypes } from "./compile.ts";
import { install, manifest, newFolder, packTokenkeep, root } from "./pack.ts";

const folder = newFolder();
const app = path.join(folder, "app");
const peers = Object.keys(manifest.peerDependencies);

/** By version, the oldest first; where each lies in `node_modules`. */
const compilers = [
  ["5.6", "typescript56"],
  ["5.9", "typescript59"],
  ["6.0", "typescript60"],
  ["7.0", "typescript"],
] as const;

beforeAll(async () => {
  const packages = [...Object.keys(manifest.dependencies), ...peers];
  await install(app, await packTokenkeep(folder), packages);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Every subpath, used so that none is left out. */
const everything = (): string => {
  const names = Object.keys(manifest.exports).filter((name) => name !== "./package.json");
  const imports = names.map(
    (name, at) => `import * as part${at} from "${manifest.name}${name.slice(1)}";\n`,
  );
  return `${imports.join("")}export const all = [${names.map((_, at) => `part${at}`).join(", ")}];`;
};

/** What an application passes as `fetch`, and what it does with what it gets. */
const uses = `
  import { createVault, type Fetch, type Vault, type VaultRequestInit } from "tokenkeep";
  import { vmcloud } from "tokenkeep/providers/vmcloud";
  import { encrypted, keyring } from "tokenkeep/stores/encrypted";
  import { memoryStore } from "tokenkeep/stores/memory";
  import { verifyWebhook } from "tokenkeep/webhook";
  const provider = vmcloud();
  const store = encrypted(memoryStore(), keyring(""));
  const plain = async (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
    fetch(input, init);
  const narrow = async (
    input: Parameters<typeof fetch>[0],
    init?: Parameters<typeof fetch>[1],
  ): Promise<Response> => fetch(input, init);
  export const vault: Vault<{ email: string; password: string }> = createVault({
    provider,
    store,
    fetch,
  });
  for (const send of [
    globalThis.fetch,
    plain,
    narrow,
    async () => new Response(),
    Object.assign(plain, { preconnect(url: string) {} }),
    vault.fetch,
  ])
    createVault({ provider, store, fetch: send });
  createVault({ provider, store, fetch: (input, init) => fetch(input, { ...init }) });
  export const again: Fetch = vault.fetch;
  const init: RequestInit = { method: "POST", body: "x", signal: AbortSignal.timeout(1) };
  await vault.fetch(new URL("https://x.test"), init);
  await vault.fetch(new Request("https://x.test"), { headers: new Headers(), fetch });
  const more: VaultRequestInit = { body: undefined, fetch: undefined, waitUntil: undefined };
  await vault.fetch("https://x.test", more);
  const hook = await verifyWebhook(new Request("https://x.test"), { secret: "s" });
  if (hook.ok) await crypto.subtle.digest("SHA-256", hook.body);

  // @ts-expect-error: what is no answer
  createVault({ provider, store, fetch: async () => "text" });
  // @ts-expect-error: what cannot be called so
  createVault({ provider, store, fetch: async (input: number) => new Response() });
  // @ts-expect-error: what is no member
  await vault.fetch("https://x.test", { metod: "GET" });
`;

const inWorkers = `${uses}
  import * as edge from "tokenkeep/cloudflare";
  import { cloudflareKvStore } from "tokenkeep/stores/cloudflare-kv";
  import { durableObjectStore } from "tokenkeep/stores/durable-object";
  declare const env: { MTLS: Fetcher; KV: KVNamespace };
  declare const ctx: ExecutionContext;
  declare const state: DurableObjectState;
  export const TokenVault = edge.defineTokenVault({
    providers: { vmcloud: provider },
    fetch: (own: typeof env) => own.MTLS,
  });
  edge.defineTokenVault({ providers: { vmcloud: provider }, fetch: () => fetch });
  const own = edge.createVault({ provider: "vmcloud", env, ctx, fetch: plain });
  await own.fetch("https://x.test", { cf: { cacheTtl: 5 } });
  export const stores = [cloudflareKvStore(env.KV), durableObjectStore(state.storage)];
`;

const inBun = `${uses}
  createVault({ provider, store, fetch: Bun.fetch });
  createVault({ provider, store, fetch: (input, init) => fetch(input, { ...init, proxy: "" }) });
  // Whatever wants Bun's own type gets its member too.
  export const bun: typeof fetch = Object.assign(plain, { preconnect: fetch.preconnect });
`;

/** What the compiler says of our declarations: @types/bun does not pass its own check. */
const ours = (output: string): string[] =>
  output.split("\n").filter((line) => line.includes(`node_modules/${manifest.name}/`));

describe.each(compilers)("TypeScript %s reads the packed declarations [F75]", (_, compiler) => {
  it.each([
    ["Bundler", { module: "ESNext", moduleResolution: "Bundler" }],
    ["NodeNext", { module: "NodeNext", moduleResolution: "NodeNext" }],
  ])("every subpath, in a page, by %s", async (name, options) => {
    const page = { folder: app, name: `page-${compiler}-${name}`, main: everything() };
    expect(await compile({ ...page, options, compiler })).toBe("");
  });

  it.each([
    ["node", uses],
    ["@cloudflare/workers-types", inWorkers],
  ])("beside the types of %s alone", async (types, main) => {
    const name = `${compiler}-${path.basename(types)}`;
    const options = runtimeTypes(types);
    expect(await compile({ folder: app, name, main, options, compiler })).toBe("");
  });

  it("beside @types/bun, whose fetch has a member preconnect", async () => {
    const bun = { folder: app, main: inBun, compiler };
    const options = { ...runtimeTypes("bun"), skipLibCheck: true };
    expect(await compile({ ...bun, name: `${compiler}-bun`, options })).toBe("");
    const all = { ...options, skipLibCheck: false };
    expect(ours(await compile({ ...bun, name: `${compiler}-bun-all`, options: all }))).toEqual([]);
  });
});

describe("the oldest TypeScript", () => {
  it("that package.json promises is the oldest that is tested [F75]", () => {
    const [[oldest]] = compilers;
    expect(manifest.engines.typescript).toBe(`>=${oldest}`);
    for (const [version, at] of compilers) {
      const file = path.join(root, "node_modules", at, "package.json");
      const { version: found } = JSON.parse(readFileSync(file, "utf8")) as { version: string };
      expect(found).toMatch(new RegExp(`^${version.replace(".", "\\.")}\\.`));
    }
  });
});
