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
  "": 22_620,
  browser: 24_310,
  "channels/broadcast": 390,
  "channels/postgres": 2490,
  "channels/redis": 2750,
  cloudflare: 32_510,
  deno: 26_590,
  "locks/local": 310,
  "locks/web-locks": 570,
  "providers/artos": 3240,
  "providers/clary": 1620,
  "providers/clary-jwt": 6810,
  "providers/mint": 3000,
  "providers/password": 2620,
  "providers/qovery": 1630,
  "providers/self-signed": 6560,
  "providers/simplismart": 1630,
  "providers/static-token": 1540,
  "providers/vmcloud": 2750,
  "stores/cloudflare-kv": 2000,
  "stores/deno-kv": 1950,
  "stores/durable-object": 1760,
  "stores/encrypted": 3510,
  "stores/indexeddb": 2170,
  "stores/memory": 340,
  "stores/postgres": 4020,
  "stores/redis": 5050,
  webhook: 2350,
  worker: 29_440,
  wretch: 1360,
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
    limit: 25_010,
    goal: 12_500,
    code: `
      export { createVault } from "tokenkeep/browser";
      export { vmcloud } from "tokenkeep/providers/vmcloud";`,
  },
  {
    title: "tokenkeep + stores/memory + vmcloud",
    limit: 23_450,
    goal: 11_500,
    code: `
      export { createVault } from "tokenkeep";
      export { memoryStore } from "tokenkeep/stores/memory";
      export { vmcloud } from "tokenkeep/providers/vmcloud";`,
  },
  {
    title: "tokenkeep/worker, the page's part",
    limit: 4_090,
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
