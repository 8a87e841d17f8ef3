/** What an application would ship: a few lines bundled with esbuild, minified, and gzipped. */

import path from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { root } from "./run.js";

/** The package's own names lead to its sources, as everywhere in the repository. */
const source = {
  name: "tokenkeep-source",
  setup(/** @type {import("esbuild").PluginBuild} */ { onResolve }) {
    onResolve({ filter: /^tokenkeep(\/|$)/ }, ({ path: name }) => ({
      path: path.join(root, "src", `${name.slice("tokenkeep/".length) || "index"}.ts`),
    }));
  },
};

/**
 * Rejects when it cannot be bundled; esbuild has then said why.
 *
 * @param {string} code
 * @param {string} [folder] where packages are looked for
 */
export async function bundle(code, folder = root) {
  const { outputFiles, metafile } = await build({
    metafile: true,
    stdin: { contents: code, resolveDir: folder, loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    // A Worker's runtime brings it along.
    external: ["cloudflare:workers"],
    write: false,
    plugins: [source],
  });
  const bytes = outputFiles[0]?.contents ?? new Uint8Array();
  return { minified: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, metafile };
}
