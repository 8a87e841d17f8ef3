/**
 * `npm run release`: publishes the version of package.json to npm and JSR, with provenance. It is for the
 * workflow that a tag starts, and refuses where the tag, the changelog or JSR's version say something else.
 * `npm run release -- --dry-run` does everything but publishing, on any machine.
 */

import { readFileSync } from "node:fs";
import path from "node:path";
import { fail, heading, root, run, useOwnNode } from "./run.js";

useOwnNode();

const isDry = process.argv.includes("--dry-run");
const read = (/** @type {string} */ name) => readFileSync(path.join(root, name), "utf8");
const { version } = JSON.parse(read("package.json"));

const tag = process.env["GITHUB_REF_NAME"];
if (!isDry && tag !== `v${version}`)
  fail(
    `Cannot release ${version}: the tag is ${tag ?? "missing"}.`,
    `Push the tag v${version}, whose workflow releases; or try \`npm run release -- --dry-run\`.`,
  );
const [, title] = /^## (.+)$/m.exec(read("CHANGELOG.md")) ?? [];
if (title !== (isDry && title === `${version} (unreleased)` ? title : version))
  fail(
    `Cannot release ${version}: the changelog begins with "${title}".`,
    `Give its first section the title "${version}".`,
  );
if (JSON.parse(read("jsr.json")).version !== version)
  fail(`Cannot release ${version}: jsr.json has another version.`);

/** A candidate is not what `npm install tokenkeep` gives. */
const channel = version.includes("-") ? "next" : "latest";
const dry = isDry ? ["--dry-run"] : [];

heading(`npm: ${version}, tagged ${channel}`);
const provenance = isDry ? [] : ["--provenance"];
const npm = ["publish", "--access", "public", "--tag", channel, ...provenance, ...dry];
if (!(await run("npm", npm)).ok) fail("npm has not taken it: the reason stands above.");

heading("JSR");
const jsr = ["publish", "--config", "jsr.json", ...(isDry ? [...dry, "--allow-dirty"] : [])];
if (!(await run("deno", jsr)).ok) fail("JSR has not taken it: the reason stands above.");
