/** Pages that a server renders: what it renders, and that the browser takes over without a complaint. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../support/programs.ts";
import { drive, examples, useChromium } from "./served-example.ts";

useChromium();

describe("sveltekit", () => {
  const folder = path.join(examples, "sveltekit");
  const server = createServer();
  let url = "";

  beforeAll(async () => {
    const vite = path.join(root, "node_modules/vite/bin/vite.js");
    const build = spawnSync(process.execPath, [vite, "build"], { cwd: folder, encoding: "utf8" });
    if (build.status !== 0) throw new Error(build.stdout + build.stderr);
    const { handler } = (await import(
      /* @vite-ignore */ pathToFileURL(path.join(folder, "build/handler.js")).href
    )) as { handler: RequestListener };
    server.on("request", handler);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }, 300_000);
  afterAll(() => {
    server.close();
    server.closeAllConnections();
    for (const made of ["build", ".svelte-kit"])
      rmSync(path.join(folder, made), { recursive: true, force: true });
  });

  it("the server renders that it does not know yet, and nobody's things", async () => {
    const page = await (await fetch(url)).text();
    expect(page).toContain("<h1>Things</h1>");
    expect(page).toContain("One moment…");
    expect(page).not.toMatch(/<form|<li>/);
  });

  it("one sign-in for two tabs, one refresh, one sign-out, and no complaint [P1 P4]", () =>
    drive(url));
});
