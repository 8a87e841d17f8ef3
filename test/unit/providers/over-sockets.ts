/** A server on a real socket for each of the five APIs, and a vault as its user makes it. */
import { afterEach } from "vitest";
import { createVault, type Provider, type Vault, type VaultEvent } from "tokenkeep";
import { artos } from "tokenkeep/providers/artos";
import { clary } from "tokenkeep/providers/clary";
import { claryJwt } from "tokenkeep/providers/clary-jwt";
import { qovery } from "tokenkeep/providers/qovery";
import { simplismart } from "tokenkeep/providers/simplismart";
import { vmcloud } from "tokenkeep/providers/vmcloud";
import { memoryStore } from "tokenkeep/stores/memory";
import {
  type Account,
  type ApiEntry,
  type ApiName,
  apis,
  createApi,
  type TestApi,
} from "../../apis/apis.ts";
import { serve } from "../../apis/sockets.ts";
import type { VmcloudOptions } from "../../apis/vmcloud.ts";
import { clockAhead } from "../../support/clock.ts";

export const presets: Readonly<Record<ApiName, (baseURL: string) => Provider<any>>> = {
  vmcloud: (baseURL) => vmcloud({ baseURL }),
  simplismart: (baseURL) => simplismart({ baseURL }),
  artos: (baseURL) => artos({ baseURL }),
  qovery: (baseURL) => qovery({ baseURL }),
  clary: (baseURL) => clary({ baseURL }),
  "clary-jwt": (baseURL) => claryJwt({ baseURL }),
};
export const names: ApiName[] = Object.keys(apis) as ApiName[];
export const entry = (name: ApiName): ApiEntry => apis[name];
export const ofThose = (kind: (one: ApiEntry) => unknown): ApiName[] =>
  names.filter((name) => kind(entry(name)));

export interface Opened {
  readonly api: TestApi;
  readonly url: string;
  readonly vault: Vault<any>;
  readonly events: VaultEvent[];
  /** Moves the clocks of both sides. */
  pass(ms: number): void;
}

export const open: { close(): unknown }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

/** A server, and a vault that is not signed in. */
export async function start(
  name: ApiName,
  options: VmcloudOptions = {},
  provider = presets[name],
): Promise<Opened> {
  let passed = 0;
  const now = (): number => Date.now() + passed;
  const api = createApi(name, { now, ...options });
  const served = await serve(api.fetch);
  const vault: Vault<any> = createVault({
    provider: provider(served.url),
    store: memoryStore(),
    dangerouslyAllowLoopbackHttp: true,
    clock: clockAhead(() => passed),
  });
  open.push(vault, served);
  const events: VaultEvent[] = [];
  vault.events((event) => events.push(event));
  return { api, url: served.url, vault, events, pass: (ms) => void (passed += ms) };
}

export async function signedIn(
  name: ApiName,
  account: Account = "ada",
  options?: VmcloudOptions,
): Promise<Opened> {
  const opened = await start(name, options);
  await opened.vault.signIn(await opened.api.credentials(account));
  return opened;
}

export const post: { method: string; headers: Record<string, string>; body: string } = {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: "{}",
};
