/** A token that cannot be renewed: its 401 is an answer, and only the application can help. */
import { describe, expect, it } from "vitest";
import { createVault, type Vault, type VaultEvent } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { TokenStore } from "../../../src/types.ts";
import { type FakeApi, fakeApi, ORIGIN, reply } from "../../support/fake-api.ts";
import { VMS } from "../../support/vault.ts";

interface Bench {
  readonly vault: Vault;
  readonly api: FakeApi;
  readonly store: TokenStore;
  readonly events: VaultEvent[];
}

function bench({ api = fakeApi(), store = memoryStore() } = {}): Bench {
  const vault = createVault({
    provider: { name: "static", origins: [ORIGIN] },
    store,
    fetch: api.fetch,
  });
  const events: VaultEvent[] = [];
  vault.events((event) => events.push(event));
  api.api = ({ headers }) =>
    headers.get("authorization") === "Bearer good" ? reply(200, {}) : reply(401, { detail: "no" });
  return { vault, api, store, events };
}

describe("a static token", () => {
  it("its 401 is returned as it came, after one send [P11 F18]", async () => {
    const { vault, api } = bench();
    await vault.adopt({ accessToken: "bad" });
    const response = await vault.fetch(VMS);
    expect(response.status).toBe(401);
    expect(await response.json()).toEqual({ detail: "no" });
    expect(api.calls).toHaveLength(1);
  });

  it("the application is asked once, by an event and the state, and a 401 ends nothing [P9 P13]", async () => {
    const { vault, api, events } = bench();
    await vault.adopt({ accessToken: "bad" });
    await Promise.all([vault.fetch(VMS), vault.fetch(VMS), vault.fetch(VMS)]);
    expect((await vault.fetch(VMS)).status).toBe(401);
    expect(api.calls).toHaveLength(4);
    expect(events.map(({ type }) => type)).toEqual(["signed-in", "refused"]);
    expect(vault.snapshot().status).toBe("sign-in-required");
  });

  it("is kept: a 401 by mistake costs nothing after a restart [P17]", async () => {
    const { vault, store } = bench();
    await vault.adopt({ accessToken: "bad" });
    await vault.fetch(VMS);
    const later = bench({ store });
    later.api.api = () => reply(200, {});
    expect((await later.vault.fetch(VMS)).status).toBe(200);
  });

  it("a new one heals, the same one is tried again", async () => {
    const { vault, api } = bench();
    await vault.adopt({ accessToken: "bad" });
    await vault.fetch(VMS);
    await vault.adopt({ accessToken: "bad" });
    expect((await vault.fetch(VMS)).status).toBe(401);
    await vault.adopt({ accessToken: "good" });
    expect(vault.snapshot().status).toBe("signed-in");
    expect((await vault.fetch(VMS)).status).toBe(200);
    expect(api.calls).toHaveLength(3);
  });

  it("one that another context has adopted meanwhile serves the next call [P12 F103]", async () => {
    const { vault, store, events } = bench();
    await vault.adopt({ accessToken: "bad" });
    await bench({ store }).vault.adopt({ accessToken: "good" });
    await vault.fetch(VMS);
    expect((await vault.fetch(VMS)).status).toBe(200);
    expect(events.map(({ type }) => type)).not.toContain("refused");
  });
});
