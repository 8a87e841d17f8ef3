/**
 * Workers as their users write them, run by Wrangler: one has the class, by the wrangler.jsonc that
 * docs/cloudflare.md shows, another binds it by `script_name` and has `nodejs_compat`, and so do Pages
 * Functions, which Wrangler makes a Worker of.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-wrangler-"));
const MIB = 1_048_576;

/** The API: says which token came, and how much of a body. It keeps nothing of it. */
const api: Server = createServer((asked, reply) => {
  let bytes = 0;
  asked.on("data", (chunk: Buffer) => void (bytes += chunk.length));
  asked.on("end", () => {
    const { method, headers } = asked;
    reply.writeHead(200, { "content-type": "application/json" });
    reply.end(JSON.stringify({ bytes, method, authorization: headers.authorization }));
  });
});

const codeOf = (url: string): Readonly<Record<"vaults" | "front", string>> => ({
  vaults: `
    import { defineTokenVault } from "tokenkeep/cloudflare";
    import { vmcloud } from "tokenkeep/providers/vmcloud";
    export const TokenVault = defineTokenVault({
      providers: { vmcloud: vmcloud({ baseURL: "${url}" }) },
      dangerouslyAllowLoopbackHttp: true,
    });
    export default { fetch: () => new Response("vaults") };`,
  front: `
    import { Buffer } from "node:buffer";
    import { createVault } from "tokenkeep/cloudflare";
    import { vmcloud } from "tokenkeep/providers/vmcloud";
    const providers = { vmcloud: vmcloud({ baseURL: "${url}" }) };
    export default {
      async fetch(request, env, ctx) {
        const { pathname, searchParams } = new URL(request.url);
        if (pathname === "/vms") return env.PAGES.fetch(request);
        const dangerouslyAllowLoopbackHttp = true;
        const kept = searchParams.get("kept");
        const maxReplayBytes = kept ? Number(kept) : undefined;
        const vault = createVault({
          provider: "vmcloud", providers, env, ctx, dangerouslyAllowLoopbackHttp, maxReplayBytes,
        });
        if (pathname === "/adopt") await vault.adopt({ accessToken: Buffer.from("token").toString("hex") });
        if (pathname === "/upload") return vault.fetch(new Request("${url}/v1/upload", request));
        return Response.json(await vault.state());
      },
    };`,
});

/** The whole file that the documentation shows; comments are its own. */
function shown(): Record<string, unknown> {
  const page = readFileSync(path.join(root, "docs/cloudflare.md"), "utf8");
  const [, block = ""] = /A whole `wrangler.jsonc`:\n\n```jsonc\n(.*?)```/s.exec(page) ?? [];
  const json = block.replaceAll(/^\s*\/\/.*$/gm, "").replaceAll(/,(\s*[}\]])/g, "$1");
  return JSON.parse(json) as Record<string, unknown>;
}

function write(name: "vaults" | "front", config: object, url: string): string {
  const own = path.join(folder, name);
  mkdirSync(path.join(own, "src"), { recursive: true });
  writeFileSync(path.join(own, "src/worker.ts"), codeOf(url)[name]);
  const alias = Object.fromEntries(
    ["cloudflare", "providers/vmcloud"].map((one) => [
      `tokenkeep/${one}`,
      path.join(root, `src/${one}.ts`),
    ]),
  );
  const file = path.join(own, "wrangler.jsonc");
  writeFileSync(file, JSON.stringify({ ...config, name, alias }));
  return file;
}

/** Where the function of the documentation, of the URL `/vms`, and the package stand as in an application. */
function buildPages(url: string): string {
  const own = path.join(folder, "pages");
  const installed = path.join(own, "node_modules/tokenkeep");
  for (const one of [path.join(own, "functions"), installed]) mkdirSync(one, { recursive: true });
  symlinkSync(path.join(root, "src"), path.join(installed, "src"));
  const exports = { "./*": "./src/*.ts" };
  writeFileSync(path.join(installed, "package.json"), JSON.stringify({ type: "module", exports }));
  const recipe = readFileSync(path.join(root, "test/workers/docs/pages-function.ts"), "utf8");
  // The API is this test's.
  const code = recipe
    .replace("vmcloud()", `vmcloud({ baseURL: "${url}" })`)
    .replace("env, ctx: context", "env, ctx: context, dangerouslyAllowLoopbackHttp: true")
    .replace("https://api.vmcloud.com", url);
  writeFileSync(path.join(own, "functions/vms.ts"), code);
  const args = ["pages", "functions", "build", "functions", "--outdir", "out"];
  const date = ["--compatibility-date", String(shown()["compatibility_date"])];
  const all = [wranglerBin, ...args, ...date, "--fallback-service", ""];
  const { status, stderr } = spawnSync(process.execPath, all, { cwd: own, env: quietly() });
  if (status !== 0) throw new Error(String(stderr));
  return path.join(own, "out/index.js");
}

const wranglerBin = path.join(root, "node_modules/wrangler/bin/wrangler.js");
const quietly = (): NodeJS.ProcessEnv => ({
  ...process.env,
  CI: "1",
  WRANGLER_SEND_METRICS: "false",
});

let wrangler: ChildProcess;
let front = "";

/** Where it listens, as soon as it says so; it picks a free port itself. */
function ready(process: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    function give(why: string): void {
      clearTimeout(limit);
      reject(new Error(`Wrangler ${why}. It said:\n${said}`));
    }
    const limit = setTimeout(give, 240_000, "is not ready after four minutes");
    process.once("exit", (code, signal) => give(`ended with ${code ?? signal}`));
    for (const stream of [process.stdout, process.stderr])
      stream?.on("data", (chunk: Buffer) => {
        said += String(chunk);
        const [, url] = /Ready on (http:\S+)\s/.exec(said) ?? [];
        if (!url) return;
        clearTimeout(limit);
        resolve(url);
      });
  });
}

beforeAll(async () => {
  api.listen(0, "127.0.0.1");
  await once(api, "listening");
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  const whole = shown();
  const vaults = write("vaults", whole, url);
  writeFileSync(
    path.join(folder, "vaults/.dev.vars"),
    `TOKENKEEP_KEYS="k1:${btoa("0123456789abcdef0123456789abcdef")}"\n`,
  );
  const binding = { name: "TOKEN_VAULT", class_name: "TokenVault", script_name: "vaults" };
  const other = write(
    "front",
    {
      main: whole["main"],
      compatibility_date: whole["compatibility_date"],
      compatibility_flags: ["nodejs_compat"],
      durable_objects: { bindings: [binding] },
      services: [{ binding: "PAGES", service: "pages" }],
    },
    url,
  );
  const main = buildPages(url);
  const pages = path.join(folder, "pages/wrangler.json");
  const { compatibility_date } = whole;
  const durable_objects = { bindings: [binding] };
  writeFileSync(
    pages,
    JSON.stringify({ name: "pages", main, compatibility_date, durable_objects }),
  );
  const configs = [other, vaults, pages].flatMap((config) => ["-c", config]);
  const ports = ["--ip", "127.0.0.1", "--port", "0", "--inspector-port", "0"];
  wrangler = spawn(process.execPath, [wranglerBin, "dev", ...configs, ...ports], {
    cwd: folder,
    env: quietly(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  front = await ready(wrangler);
}, 300_000);

afterAll(async () => {
  // It is not there where what goes before it has failed.
  if (wrangler?.exitCode === null && wrangler.signalCode === null) {
    const ended = once(wrangler, "exit");
    wrangler.kill("SIGTERM");
    await ended;
  }
  api.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Sends a body that is made while it is sent. */
async function upload(mib: number, query = ""): Promise<unknown> {
  const asked = request(`${front}/upload${query}`, { method: "POST" });
  const replied = once(asked, "response") as Promise<[import("node:http").IncomingMessage]>;
  const chunk = Buffer.alloc(MIB, 97);
  for (let sent = 0; sent < mib; sent++) if (!asked.write(chunk)) await once(asked, "drain");
  asked.end();
  const [reply] = await replied;
  const parts: Buffer[] = [];
  for await (const part of reply) parts.push(part as Buffer);
  return JSON.parse(String(Buffer.concat(parts)));
}

/** The most memory that the workerd below Wrangler has had, in MiB. */
function peak(pid: number): number {
  const read = (file: string): string => readFileSync(`/proc/${pid}/${file}`, "utf8");
  const children = read(`task/${pid}/children`).trim().split(" ").filter(Boolean).map(Number);
  const [, kilobytes] = /VmHWM:\s*(\d+)/.exec(read("status")) ?? [];
  const own = read("comm").includes("workerd") ? Number(kilobytes) / 1024 : 0;
  return Math.max(own, ...children.map(peak));
}

it("a class of another Worker, and nodejs_compat: signed in, and sent", async () => {
  expect(await (await fetch(`${front}/`)).json()).toMatchObject({ status: "signed-out" });
  expect(await (await fetch(`${front}/adopt`)).json()).toMatchObject({ status: "signed-in" });
  expect(await upload(1)).toEqual({
    bytes: MIB,
    method: "POST",
    authorization: "Bearer 746f6b656e",
  });
});

it("Pages Functions, as Wrangler builds them: the recipe's function sends with the session", async () => {
  await fetch(`${front}/adopt`);
  const reply = await fetch(`${front}/vms`);
  expect(reply.status).toBe(200);
  expect(await reply.json()).toMatchObject({ authorization: "Bearer 746f6b656e" });
});

it.runIf(os.type() === "Linux")(
  "300 MiB through a Worker: its memory stays flat [F100]",
  async () => {
    await fetch(`${front}/adopt`);
    await upload(8);
    const before = peak(wrangler.pid!);
    expect(before).toBeGreaterThan(0);
    expect(await upload(300)).toMatchObject({ bytes: 300 * MIB });
    const grown = peak(wrangler.pid!) - before;
    console.info(`workerd: ${Math.round(before)} MiB, and ${Math.round(grown)} MiB more`);
    expect(grown).toBeLessThan(100);
    // What is kept shows: the measure is one.
    expect(await upload(200, `?kept=${400 * MIB}`)).toMatchObject({ bytes: 200 * MIB });
    expect(peak(wrangler.pid!) - before).toBeGreaterThan(150);
  },
);
