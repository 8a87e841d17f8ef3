/** The Nodes that there are: the one that runs this, and the system's own, where its version differs. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

export interface Node {
  readonly version: string;
  readonly file: string;
}

/** The oldest that the package is for: `engines` in package.json. */
const OLDEST = 20;

export function findNodes(): readonly Node[] {
  const name = process.platform === "win32" ? "node.exe" : "node";
  const own: Node = { version: process.version, file: process.execPath };
  const nodes = [own];
  for (const folder of (process.env["PATH"] ?? "").split(path.delimiter)) {
    const file = path.join(folder, name);
    // What npm puts in front is the one that runs this.
    if (folder.includes("node_modules") || !existsSync(file)) continue;
    const version = execFileSync(file, ["--version"], { encoding: "utf8" }).trim();
    const isSupported = Number(version.slice(1).split(".")[0]) >= OLDEST;
    if (isSupported && nodes.every((node) => node.version !== version))
      nodes.push({ version, file });
  }
  return nodes;
}
