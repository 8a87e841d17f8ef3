/**
 * The test APIs for Vitest under Deno and Bun: in a Node of their own, so that what the servers do,
 * dropped sockets first of all, is the same for every runtime.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";

export default async function setup(project: TestProject): Promise<() => void> {
  const file = fileURLToPath(new URL("serve-control.ts", import.meta.url));
  const child = spawn(process.env["TOKENKEEP_NODE"] ?? "node", [file], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).once("line", resolve);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`The control server ended with code ${code}`)));
  });
  project.provide("control", url);
  return () => void child.kill();
}
