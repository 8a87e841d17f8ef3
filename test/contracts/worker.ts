/**
 * The vault in a real worker of this browser's, asked by two pages' worth of connections. What becomes of
 * tabs that are closed is for `test/tabs`: here it is whether the browser's workers will do at all.
 */
import { afterEach, describe, expect, it } from "vitest";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { connectVault, type VaultWorker } from "../../src/worker.ts";
import { type SpawnedApi, spawnApi } from "../apis/client.ts";
import { ada } from "../apis/vmcloud-data.ts";

const credentials = { email: ada.email, password: ada.password };
const script = new URL("../tabs/worker-script.ts", import.meta.url);

export type WorkerKind = "shared" | "dedicated" | "service";

/** Starts the worker's own file, as a bundler would have it: by its URL. */
async function start(kind: WorkerKind, api: string): Promise<VaultWorker> {
  const url = new URL(script);
  url.search = new URLSearchParams({ config: JSON.stringify({ api }) }).toString();
  if (kind === "shared") return new SharedWorker(url, { type: "module" });
  if (kind === "dedicated") return new Worker(url, { type: "module" });
  const registration = await navigator.serviceWorker.register(url, { type: "module" });
  registrations.push(registration);
  // Out of its scope, `ready` would wait for ever.
  const worker = registration.installing ?? registration.waiting ?? registration.active!;
  await new Promise<void>((resolve) => {
    const look = (): void => void (worker.state === "activated" && resolve());
    worker.addEventListener("statechange", look);
    look();
  });
  return registration;
}

const registrations: ServiceWorkerRegistration[] = [];

export function workerContract(kind: WorkerKind, control: string): void {
  describe(`a ${kind} worker`, () => {
    const open: { close(): unknown }[] = [];
    afterEach(async () => {
      await Promise.all(open.splice(0).map((one) => one.close()));
      await Promise.all(registrations.splice(0).map((one) => one.unregister()));
    });

    const connect = (api: SpawnedApi): Vault<PasswordCredentials> => {
      const vault = connectVault<PasswordCredentials>(() => start(kind, api.url));
      open.push(vault);
      return vault;
    };

    async function signedIn(): Promise<{
      api: SpawnedApi;
      vault: Vault<PasswordCredentials>;
      other: Vault<PasswordCredentials>;
    }> {
      const api = await spawnApi(control);
      open.push(api);
      const [vault, other] = [connect(api), connect(api)];
      await vault.signIn(credentials);
      return { api, vault, other };
    }

    async function status(vault: Vault<PasswordCredentials>, wanted: string): Promise<void> {
      await expect.poll(() => vault.snapshot().status, { timeout: 10_000 }).toBe(wanted);
    }

    it("serves two connections: one session, one refresh, everybody told [P1 P12]", async () => {
      const { api, vault, other } = await signedIn();
      expect(vault.snapshot().status).toBe("signed-in");
      await status(other, "signed-in");
      const me = `${api.url}/v1/me`;
      expect((await other.fetch(me)).status).toBe(200);

      await api.expireAccessTokens();
      const types: string[] = [];
      other.events(({ type }) => types.push(type));
      const calls = [vault, other].flatMap((one) => [1, 2, 3].map(() => one.fetch(me)));
      const replies = await Promise.all(calls);

      expect(replies.map((reply) => reply.status)).toEqual(calls.map(() => 200));
      expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
      await expect.poll(() => types.join()).toMatch(/refreshed|adopted/);
      await expect.poll(() => other.snapshot().generation).toBe(2);

      await vault.signOut();
      expect(vault.snapshot().status).toBe("signed-out");
      await status(other, "signed-out");
    });

    it("errors cross as they are, and bring no secret along [P10 S4]", async () => {
      const { vault, other } = await signedIn();
      const password = "incorrect horse";
      const refused = other.signIn({ ...credentials, password });
      await expect(refused).rejects.toMatchObject({ code: "credentials_refused", status: 401 });
      await expect(refused).rejects.not.toThrow(password);
      await expect(vault.adopt({ accessToken: "with space" })).rejects.toMatchObject({
        code: "invalid_token",
      });
    });

    it("an abort rejects with its reason, and nothing else changes [P14]", async () => {
      const { api, vault } = await signedIn();
      await api.expireAccessTokens();
      const gate = await api.gate("refresh", "before");
      const controller = new AbortController();
      const { signal } = controller;
      const aborted = vault.fetch(`${api.url}/v1/me`, { signal });
      await gate.arrived;
      const call = vault.fetch(`${api.url}/v1/me`);
      const reason = new Error("enough");
      controller.abort(reason);
      await expect(aborted).rejects.toBe(reason);
      await gate.release();
      expect((await call).status).toBe(200);
      expect((await api.counters()).tokenCalls).toBe(1);
    });
  });
}
