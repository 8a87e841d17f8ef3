/**
 * Starts WebKitWebDriver, WebKitGTK's end of the WebDriver protocol, on a screen of its own.
 *
 * It ends when Vitest's process does, not in a teardown: Vitest closes its browser sessions after
 * the teardowns.
 */

import { spawn } from "node:child_process";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    webkit: { driver: string; port: number };
  }
}

let running = false;

export default async function setup(project: TestProject): Promise<void> {
  if (running) return;
  running = true;
  const { driver, port } = project.getProvidedContext().webkit;
  const args = ["-a", driver, "--host=127.0.0.1", `--port=${port}`];
  // A group of its own, so that the X server and the browser end with it.
  const child = spawn("xvfb-run", args, {
    detached: true,
    stdio: "ignore",
    // No desktop here to ask for accessibility.
    env: { ...process.env, NO_AT_BRIDGE: "1" },
  });
  child.unref();
  let failure: string | undefined;
  child.on("error", (error) => (failure = error.message));
  child.on("exit", (code) => (failure = `it ended with code ${code}`));
  process.on("exit", () => {
    if (child.pid === undefined || failure) return;
    try {
      process.kill(-child.pid, "SIGTERM");
    } catch {
      // Gone already.
    }
  });
  for (let tries = 0; tries < 600; tries++) {
    if (failure) break;
    try {
      const response = await fetch(`http://127.0.0.1:${port}/status`);
      if (response.ok) return;
    } catch {
      // Not up yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`Cannot start ${driver}: ${failure ?? "no answer within 20 seconds"}`);
}
