/** Pages that a server renders: what it renders, and that the browser takes over without a complaint. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../support/programs.ts";
import { drive, examples, useChromium } from "./served-example.ts";

useChromium();

interface Rendered {
  readonly folder: string;
  /** A script of the framework's that builds the example. */
  readonly build: string;
  /** What a build leaves in the folder. */
  readonly made: readonly string[];
  /** Serves what was built. */
  start(): Promise<{ url: string; stop(): Promise<void> }>;
}

/** Next tells its makers of each run unless it is told not to. */
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };
const packages = path.join(examples, "node_modules");

const sveltekit: Rendered = {
  folder: path.join(examples, "sveltekit"),
  build: path.join(root, "node_modules/vite/bin/vite.js"),
  made: ["build", ".svelte-kit"],
  async start() {
    const { handler } = (await import(
      /* @vite-ignore */ pathToFileURL(path.join(this.folder, "build/handler.js")).href
    )) as { handler: RequestListener };
    const server = createServer(handler);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const stop = async (): Promise<void> => {
      server.close();
      server.closeAllConnections();
    };
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, stop };
  },
};

const next: Rendered = {
  folder: path.join(examples, "next"),
  build: path.join(packages, "next/dist/bin/next"),
  // It writes what settings TypeScript lacks.
  made: [".next", "next-env.d.ts", "tsconfig.json"],
  async start() {
    const args = [this.build, "start", "--hostname", "127.0.0.1", "--port", "0"];
    const server = spawn(process.execPath, args, {
      cwd: this.folder,
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const stop = async (): Promise<void> => {
      server.kill();
      await once(server, "close");
    };
    return { url: await addressOf(server), stop };
  },
};

/** What a server says of where it is. */
function addressOf(server: ChildProcess): Promise<string> {
  let said = "";
  return new Promise((resolve, reject) => {
    server.once("close", () => reject(new Error(`The server ended: ${said}`)));
    server.stdout!.on("data", (part) => {
      said += String(part);
      const [, url] = /Local: +(http:\S+)/.exec(said) ?? [];
      if (url && said.includes("Ready")) resolve(`${url}/`);
    });
  });
}

describe.each(Object.entries({ sveltekit, next }))("%s", (_, example) => {
  let served: Awaited<ReturnType<Rendered["start"]>> | undefined;

  beforeAll(async () => {
    const { folder: cwd, build } = example;
    const built = spawnSync(process.execPath, [build, "build"], { cwd, env, encoding: "utf8" });
    if (built.status !== 0) throw new Error(built.stdout + built.stderr);
    served = await example.start();
  }, 300_000);
  afterAll(async () => {
    await served?.stop();
    for (const made of example.made)
      rmSync(path.join(example.folder, made), { recursive: true, force: true });
  });

  it("the server renders that it does not know yet, and nobody's things", async () => {
    const page = await (await fetch(served!.url)).text();
    expect(page).toContain("<h1>Things</h1>");
    expect(page).toContain("One moment…");
    expect(page).not.toMatch(/<form|<li>/);
  });

  it("one sign-in for two tabs, one refresh, one sign-out, and no complaint [P1 P4]", () =>
    drive(served!.url));
});
