/** The APIs that are there before the demo's Worker starts, and its variables and secrets for them. */
import type { TestProject } from "vitest/node";
import { bindingsOf } from "../../demo/backstage/bindings.ts";
import type { ApiName } from "../apis/apis.ts";
import { type SpawnedApi, spawnApi } from "../apis/client.ts";
import { serveControl } from "../apis/serve.ts";

declare module "vitest" {
  export interface ProvidedContext {
    workerApis: {
      /** The Worker's variables and secrets. */
      bindings: Record<string, string>;
      /** Where each API is controlled. */
      controls: Record<ApiName, string>;
    };
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await serveControl();
  const spawn = (name: ApiName): Promise<SpawnedApi> => spawnApi(server.url, { name });
  const apis = {
    vmcloud: await spawn("vmcloud"),
    artos: await spawn("artos"),
    "clary-jwt": await spawn("clary-jwt"),
    simplismart: await spawn("simplismart"),
    qovery: await spawn("qovery"),
  };
  const control = ({ id }: SpawnedApi): string => `${server.url.replace(/\/$/, "")}/${id}`;
  project.provide("workerApis", {
    bindings: { ...(await bindingsOf(apis)) },
    controls: {
      vmcloud: control(apis.vmcloud),
      artos: control(apis.artos),
      clary: control(apis["clary-jwt"]),
      "clary-jwt": control(apis["clary-jwt"]),
      simplismart: control(apis.simplismart),
      qovery: control(apis.qovery),
    },
  });
  return () => server.close();
}
