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

/**
 * The demo's pages, and the vault's worker.
 *
 * @param {string} outDir
 * @param {import("vite").InlineConfig} [config]
 */
export async function buildPages(outDir, config) {
  await build({
    configFile: false,
    root: demo,
    logLevel: "warn",
    resolve: { tsconfigPaths: true },
    // Vite takes it from NODE_ENV, which a test sets.
    define: { "import.meta.env.DEV": "false" },
    ...config,
    build: {
      outDir,
      emptyOutDir: true,
      target: "es2022",
      rolldownOptions: {
        input: ["index.html", "frame.html", "gone.html"].map((name) => path.join(demo, name)),
      },
    },
  });
  await buildWorker("app/vault.worker", outDir);
}

/** @param {string} outDir the folder that the demo's page stands in, whatever its address will be */
export async function buildDemo(outDir) {
  await buildPages(outDir, {
    mode: "site",
    base: "./",
    plugins: [{ name: "demo:links", transformIndexHtml: { order: "pre", handler: toPages } }],
  });
  await buildWorker("site/service-worker", outDir);
}

/**
 * Workers are files of their own, under names that stay.
 *
 * @param {string} name
 * @param {string} outdir
 */
async function buildWorker(name, outdir) {
  await bundle({
    entryPoints: [path.join(demo, `${name}.ts`)],
    tsconfig: path.join(demo, "../tsconfig.json"),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    outdir,
  });
}
