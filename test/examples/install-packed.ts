/** Puts the packed file among the packages of the examples, as `npm install` would. */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { newFolder, packTokenkeep, root } from "../package/pack.ts";

export default async function setup(): Promise<void> {
  const folder = newFolder();
  const installed = path.join(root, "demo/examples/node_modules/tokenkeep");
  const tarball = await packTokenkeep(folder);
  rmSync(installed, { recursive: true, force: true });
  mkdirSync(installed, { recursive: true });
  const args = ["-xzf", tarball, "-C", installed, "--strip-components=1"];
  const { status, stderr } = spawnSync("tar", args, { encoding: "utf8" });
  rmSync(folder, { recursive: true, force: true });
  if (status !== 0) throw new Error(stderr);
}
