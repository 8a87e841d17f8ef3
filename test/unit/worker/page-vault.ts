/** A page's vault in these tests, over a real worker's part or over one that says what a test wants. */
import { afterEach, vi } from "vitest";
import type { PasswordCredentials } from "../../../src/providers/password.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Vault } from "../../../src/vault/vault.ts";
import { connectVault, serveVault, type VaultPort } from "../../../src/worker.ts";
import { acme, fakeApi, type FakeApi } from "../../support/fake-api.ts";

const open: Vault<PasswordCredentials>[] = [];

afterEach(() => {
  for (const vault of open.splice(0)) vault.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

export function connect(
  start: () => VaultPort | Promise<VaultPort>,
  options = {},
): Vault<PasswordCredentials> {
  const vault = connectVault<PasswordCredentials>(start, options);
  open.push(vault);
  return vault;
}

/** A vault over a real one, and the API behind that. */
export function real(options = {}): { vault: Vault<PasswordCredentials>; api: FakeApi } {
  const api = fakeApi();
  vi.stubGlobal("fetch", api.fetch);
  const served = serveVault({ provider: acme(), store: memoryStore(), fetch: api.fetch });
  return { vault: connect(() => served, options), api };
}

const state = { owner: "o", seq: 1, news: [] };

/** A worker that says what a test wants; to questions for its state, that it is there. */
export const odd = (answer: (question: Record<string, unknown>) => unknown): VaultPort => ({
  postMessage(question, [port]) {
    const asked = question as Record<string, unknown>;
    const said = asked["type"] === "state" ? { tokenkeep: 1, state } : answer(asked);
    if (said !== undefined) port!.postMessage(said);
  },
});
