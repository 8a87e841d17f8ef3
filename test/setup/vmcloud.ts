/** A VMCloud that is there before the Worker starts: its address is one of the Worker's variables. */
import type { TestProject } from "vitest/node";
import { spawnApi } from "../apis/client.ts";
import { serveControl } from "../apis/serve.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where it is, and where it is controlled. */
    vmcloud: { url: string; control: string };
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await serveControl();
  const { id, url } = await spawnApi(server.url);
  project.provide("vmcloud", { url, control: `${server.url.replace(/\/$/, "")}/${id}` });
  return () => server.close();
}
