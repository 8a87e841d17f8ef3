/**
 * What an import costs a user: bundles a few entries with esbuild, minified, prints their sizes
 * with and without gzip, and fails above the limits. `npm run size -- --why` adds what each source
 * file brings along, minified.
 */

import { readFileSync } from "node:fs";
import path from "node:path";
import { bundle } from "./bundle.js";
import { root } from "./run.js";

/** In bytes, gzipped, by subpath: a little above what it is. A subpath without a limit fails. */
const alone = {
  "": 21_470,
  browser: 23_170,
  "channels/broadcast": 380,
  cloudflare: 30_870,
  deno: 25_400,
  "locks/local": 300,
  "locks/web-locks": 550,
  "providers/artos": 3180,
  "providers/clary": 1580,
  "providers/clary-jwt": 6760,
  "providers/mint": 2950,
  "providers/password": 2570,
  "providers/qovery": 1590,
  "providers/self-signed": 6500,
  "providers/simplismart": 1590,
  "providers/static-token": 1500,
  "providers/vmcloud": 2700,
  "stores/cloudflare-kv": 1950,
  "stores/deno-kv": 1900,
  "stores/durable-object": 1710,
  "stores/encrypted": 3400,
  "stores/indexeddb": 2120,
  "stores/memory": 330,
  webhook: 2310,
  worker: 27_200,
  wretch: 1310,
};

const { exports } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
for (const subpath of Object.keys(exports)) {
  if (subpath.endsWith(".json") || subpath.replace(/^\.\/?/, "") in alone) continue;
  console.error(`${subpath}: no limit stands in scripts/size.js`);
  process.exitCode = 1;
}

/**
 * In bytes, gzipped. Above the limit this fails, so that no change makes an import dearer unnoticed;
 * the goal is where it has to go, and what is missing is printed each time.
 */
const bundles = [
  {
    title: "tokenkeep/browser + vmcloud",
    limit: 23_820,
    goal: 12_500,
    code: `
      export { createVault } from "tokenkeep/browser";
      export { vmcloud } from "tokenkeep/providers/vmcloud";`,
  },
  {
    title: "tokenkeep + stores/memory + vmcloud",
    limit: 22_290,
    goal: 11_500,
    code: `
      export { createVault } from "tokenkeep";
      export { memoryStore } from "tokenkeep/stores/memory";
      export { vmcloud } from "tokenkeep/providers/vmcloud";`,
  },
  {
    title: "tokenkeep/worker, the page's part",
    limit: 3980,
    goal: 3000,
    code: `export { connectVault } from "tokenkeep/worker";`,
  },
  // What each subpath costs by itself.
  ...Object.entries(alone).map(([name, limit]) => ({
    title: `${name || "the core"} alone`,
    limit,
    goal: limit,
    code: `export * from "tokenkeep${name && `/${name}`}";`,
  })),
];

for (const { title, limit, goal, code } of bundles) {
  try {
    const { minified, gzip, metafile } = await bundle(code);
    const missing = gzip > goal ? `${gzip - goal} B above the goal of ${goal} B` : "goal met";
    const verdict = gzip > limit ? `OVER the limit of ${limit} B` : `of ${limit} B, ${missing}`;
    console.log(`${title.padEnd(38)} ${String(minified).padStart(6)} B  gzip ${gzip} B ${verdict}`);
    if (gzip > limit) process.exitCode = 1;
    if (!process.argv.includes("--why")) continue;
    const inputs = Object.values(metafile.outputs).flatMap((output) =>
      Object.entries(output.inputs),
    );
    for (const [file, { bytesInOutput }] of inputs.sort(
      ([, a], [, b]) => b.bytesInOutput - a.bytesInOutput,
    )) {
      if (bytesInOutput > 0) console.log(`  ${String(bytesInOutput).padStart(6)} B  ${file}`);
    }
  } catch {
    // esbuild has said why.
    console.error(`${title}: cannot be bundled`);
    process.exitCode = 1;
  }
}
