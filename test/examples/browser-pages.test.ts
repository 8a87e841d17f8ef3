/** The examples whose pages run the vault: built by Vite where they have a build, and driven in Chromium. */
import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { build } from "vite";
import { describe, it, onTestFinished } from "vitest";
import { drive, examples, serveExample, useChromium } from "./served-example.ts";

useChromium();

const names = ["plain", "react", "tanstack-query", "react-router", "vue", "svelte"] as const;

describe.each(names)("%s", (name) => {
  it("one sign-in for two tabs, one refresh, one sign-out [P1 P4]", async () => {
    const folder = path.join(examples, name);
    const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as {
      scripts?: { build?: string };
    };
    const isBuilt = manifest.scripts?.build !== undefined;
    const outDir = path.join(folder, "dist");
    if (isBuilt) await build({ root: folder, logLevel: "error", build: { outDir } });
    const site = await serveExample(isBuilt ? outDir : folder);
    onTestFinished(async () => {
      await site.close();
      rmSync(outDir, { recursive: true, force: true });
    });
    await drive(site.url);
  });
});
