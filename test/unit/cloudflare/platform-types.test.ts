/** What ships fits the platform's own types, though it does not depend on them. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-types-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function tsc(...args: string[]): string {
  const file = path.join(root, "node_modules/typescript/bin/tsc");
  return spawnSync(process.execPath, [file, "--pretty", "false", ...args], { encoding: "utf8" })
    .stdout;
}

const WORKER = `
import { DurableObject } from "cloudflare:workers";
import { createVault as createCoreVault } from "tokenkeep";
import { createVault, defineTokenVault } from "tokenkeep/cloudflare";
import { password, type PasswordCredentials } from "tokenkeep/providers/password";
import { vmcloud } from "tokenkeep/providers/vmcloud";
import { cloudflareKvStore } from "tokenkeep/stores/cloudflare-kv";
import { durableObjectStore } from "tokenkeep/stores/durable-object";

interface Env {
  TOKEN_VAULT: DurableObjectNamespace<TokenVault>;
  TOKEN_CACHE: KVNamespace;
  TOKENKEEP_KEYS: string;
  VMCLOUD_URL: string;
  VMCLOUD_CERT: Fetcher;
  EVENTS: AnalyticsEngineDataset;
  VAULT_KEYS: SecretsStoreSecret;
}

export class TokenVault extends defineTokenVault<Env>({
  providers: (env) => ({ vmcloud: vmcloud({ baseURL: env.VMCLOUD_URL }) }),
  keys: (env) => env.TOKENKEEP_KEYS,
  fetch: (env) => env.VMCLOUD_CERT,
  onEvent(event, env, ctx) {
    env.EVENTS.writeDataPoint({ blobs: [event.type] });
    ctx.waitUntil(Promise.resolve());
  },
}) {}

export class Other extends defineTokenVault<Env>({
  binding: "OTHER_VAULT",
  providers: { vmcloud: vmcloud() },
  keys: (env) => env.VAULT_KEYS,
  fetch: () => fetch,
}) {}

export class Own extends DurableObject<Env> {
  vault = createCoreVault({ provider: vmcloud(), store: durableObjectStore(this.ctx.storage) });
}

export default {
  async fetch(request, env, ctx) {
    const vault = createVault<PasswordCredentials>({ provider: "vmcloud", account: "a", env, ctx });
    await vault.signIn({ email: "e", password: "p" }, { unlessSignedIn: true });
    await vault.adopt({ accessToken: "t" });
    createCoreVault({ provider: vmcloud({ rotation: "none" }), store: cloudflareKvStore(env.TOKEN_CACHE) });
    const { status, keyId } = await vault.state();
    const regional = createVault({ provider: "vmcloud", env, ctx, jurisdiction: "eu", locationHint: "weur" });
    if (keyId === "k1") await regional.removeAccount();
    const id = env.TOKEN_VAULT.idFromName(status);
    env.TOKEN_VAULT.get(id);
    if (request.method === "DELETE") await vault.signOut();
    const answer: Response = await vault.fetch("https://api.vmcloud.com/v1/vms");
    return answer;
  },
} satisfies ExportedHandler<Env>;

// @ts-expect-error a missing member is seen
createVault({ provider: "vmcloud" });
export { password };
`;

it("a Worker with Cloudflare's own types compiles, and the declarations need none of ours", () => {
  const dist = path.join(folder, "dist");
  const build = ["--emitDeclarationOnly", "--outDir", dist];
  expect(tsc("-p", path.join(root, "tsconfig.build.json"), ...build)).toBe("");
  const declarations = ["cloudflare.d.ts", ...readdirSync(path.join(dist, "cloudflare"))];
  for (const name of declarations.filter((one) => one.endsWith(".d.ts"))) {
    const file = path.join(dist, name === "cloudflare.d.ts" ? "" : "cloudflare", name);
    expect(readFileSync(file, "utf8")).not.toMatch(/cloudflare:|workers-types|reference path/);
  }
  writeFileSync(path.join(folder, "worker.ts"), WORKER);
  writeFileSync(
    path.join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        target: "ES2022",
        lib: ["ES2023"],
        module: "ESNext",
        moduleResolution: "Bundler",
        types: [path.join(root, "node_modules/@cloudflare/workers-types")],
        paths: { tokenkeep: ["./dist/index.d.ts"], "tokenkeep/*": ["./dist/*.d.ts"] },
        noEmit: true,
        strict: true,
        skipLibCheck: true,
      },
      files: ["worker.ts"],
    }),
  );
  expect(tsc("-p", folder)).toBe("");
});
