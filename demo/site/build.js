/** Builds the demo for the site: files alone, whose APIs run in a service worker of the visitor's browser. */

import { existsSync } from "node:fs";
import path from "node:path";
import { build as bundle } from "esbuild";
import { build } from "vite";

const demo = path.join(import.meta.dirname, "..");

/** A link to a text of the repository as one to the site's page. @param {string} html */
function toPages(html) {
  return html.replaceAll(/href="\.\/((?:docs\/)?([\w-]+))\.md"/g, (_, file, name) => {
    if (!existsSync(path.join(demo, "..", `${file}.md`))) throw new Error(`No ${file}.md`);
    return `href="../${name === "README" ? "" : name}"`;
  });
}

/** @param {string} outDir the folder that the demo's page stands in, whatever its address will be */
export async function buildDemo(outDir) {
  await build({
    configFile: false,
    mode: "site",
    root: demo,
    base: "./",
    logLevel: "warn",
    resolve: { tsconfigPaths: true },
    plugins: [{ name: "demo:links", transformIndexHtml: { order: "pre", handler: toPages } }],
    build: {
      outDir,
      emptyOutDir: true,
      target: "es2022",
      rolldownOptions: {
        input: ["index.html", "frame.html", "gone.html"].map((name) => path.join(demo, name)),
      },
    },
  });
  // Workers are files of their own, under names that stay.
  await bundle({
    entryPoints: {
      "service-worker": path.join(demo, "site/service-worker.ts"),
      "vault.worker": path.join(demo, "app/vault.worker.ts"),
    },
    tsconfig: path.join(demo, "../tsconfig.json"),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    outdir: outDir,
  });
}
