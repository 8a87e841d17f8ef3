/**
 * Starts the test APIs for the browser tests, on origins of their own, and tells the tests where
 * they are controlled: `inject("control")` is the control server's URL.
 */

import type { TestProject } from "vitest/node";
import { serveControl } from "../apis/serve.ts";

declare module "vitest" {
  export interface ProvidedContext {
    control: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await serveControl();
  project.provide("control", server.url);
  return () => server.close();
}
