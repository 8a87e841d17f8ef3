/**
 * `npm run test:servers`: the stores over a real Redis and a real Postgres. On Debian, as root, what is missing is
 * installed first; elsewhere `TOKENKEEP_REDIS` and `TOKENKEEP_POSTGRES` give the addresses of servers that
 * may be used, or the tests are skipped, and that is said. Arguments go to Vitest.
 */

import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { heading, run, useOwnNode } from "./run.js";

useOwnNode();

const PATH = (process.env["PATH"] ?? "").split(path.delimiter);

/** @param {string} name */
const inPath = (name) => PATH.some((folder) => existsSync(path.join(folder, name)));

/** Debian keeps each version of Postgres in a folder of its own, outside of `PATH`. */
const DEBIANS = "/usr/lib/postgresql";
const hasDebians = () =>
  existsSync(DEBIANS) &&
  readdirSync(DEBIANS).some((version) => existsSync(path.join(DEBIANS, version, "bin/postgres")));

/** Debian's packages, what each brings, and the address that stands in for it. */
const servers = [
  {
    title: "Redis",
    pack: "redis-server",
    address: "TOKENKEEP_REDIS",
    isThere: () => inPath("redis-server"),
  },
  {
    title: "Postgres",
    pack: "postgresql",
    address: "TOKENKEEP_POSTGRES",
    isThere: () => inPath("postgres") || hasDebians(),
  },
];

const isMissing = servers.filter(({ address, isThere }) => !process.env[address] && !isThere());
if (isMissing.length > 0 && existsSync("/etc/debian_version") && process.getuid?.() === 0) {
  heading(`Installing ${isMissing.map(({ title }) => title).join(" and ")}`);
  const packs = isMissing.map(({ pack }) => pack);
  // Debian would start them: the tests start their own.
  const env = { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  await run("apt-get", ["update", "-qq"], { quiet: true, env });
  const install = ["install", "-y", "-qq", "--no-install-recommends", ...packs];
  await run("apt-get", install, { quiet: true, env });
}

const absent = servers.filter(({ address, isThere }) => !process.env[address] && !isThere());
for (const { title, pack, address } of absent)
  console.log(
    `${title}: SKIPPED. Install Debian's ${pack}, or set ${address} to the address of one that may be used.`,
  );
for (const { title, address } of servers.filter((one) => process.env[one.address]))
  console.log(
    `${title}: the one of ${address}. It is not ours to stop or to set up, so that tests which do that are SKIPPED.`,
  );
if (absent.length < servers.length) {
  heading("Tests over servers");
  const config = ["run", "--config", "test/servers/vitest.config.ts"];
  const script = "node_modules/vitest/vitest.mjs";
  const { ok } = await run(process.execPath, [script, ...config, ...process.argv.slice(2)]);
  process.exitCode = ok ? 0 : 1;
}
