/**
 * The vault's own tests, for a page's vault: each one is connected to a worker's part in this realm. Left
 * out is what only an engine does: `fetch` as it is called (a page sends a `Request`), and the options of
 * `createVault`.
 */
import { vi } from "vitest";
import type { Channel, Lock, Vault, VaultOptions, VaultRequestInit } from "../../../src/index.ts";

vi.mock(import("../../../src/index.ts"), async (original) => {
  const index = await original();
  const { connectVault, serveVault } = await import("../../../src/worker.ts");
  const createVault = <Credentials>(given: VaultOptions<Credentials>): Vault<Credentials> => {
    const { account, ...options } = given;
    // Real ones go by names, and the tests' vaults have the same names.
    const lock: Lock = { run: (_, task) => task() };
    const channel: Channel = { open: () => ({ post() {}, close() {} }) };
    const served = serveVault<Credentials>({ lock, channel, refreshAhead: false, ...options });
    const vault = connectVault<Credentials>(() => served, {
      ...(account !== undefined && { account }),
    });
    // A page sends by itself.
    const send: VaultRequestInit = options.fetch ? { fetch: options.fetch } : {};
    return { ...vault, fetch: (input, init) => vault.fetch(input, { ...send, ...init }) };
  };
  return { ...index, createVault: Object.assign(createVault, { connected: true }) };
});

await import("../vault/vault.test.ts");
await import("../vault/accounts.test.ts");
await import("../vault/snapshot.test.ts");
await import("../vault/self-signed-clock.test.ts");
await import("../vault/unrenewable.test.ts");
await import("../vault/refreshing.test.ts");
await import("../providers/vmcloud.test.ts");
await import("../vault/no-secrets.test.ts");
await import("../grant/outcome.test.ts");
await import("../grant/outcome-reasons.test.ts");
await import("../providers/static-token.test.ts");
