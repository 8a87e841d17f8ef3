/** A page adopts a token, and the worker's answer is lost: it asks again, and adopts nothing twice. */
import { describe, expect, it, vi } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import { serveVault, type VaultPort } from "../../../src/worker.ts";
import { clockAhead } from "../../support/clock.ts";
import { acme, credentials, fakeApi, type FakeApi } from "../../support/fake-api.ts";
import { connect } from "./page-vault.ts";

type Served = ReturnType<typeof serveVault>;

/** A worker whose first answer to `adopt` gets lost, after `then` has happened; and the API behind it. */
function losing(then: (served: Served) => unknown): {
  port: VaultPort;
  served: Served;
  api: FakeApi;
  asked: string[];
  pass(ms: number): void;
} {
  const api = fakeApi();
  vi.stubGlobal("fetch", api.fetch);
  let passed = 0;
  const served = serveVault({
    provider: acme(),
    store: memoryStore(),
    fetch: api.fetch,
    clock: clockAhead(() => passed),
  });
  const asked: string[] = [];
  const port: VaultPort = {
    postMessage(question, ports) {
      const { type, args } = question as { type: string; args: string };
      if (type === "adopt") asked.push(args);
      if (type !== "adopt" || asked.length > 1) return served.postMessage(question, ports);
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = async () => {
        port1.close();
        await then(served);
        // What speaks another version is as good as gone.
        ports[0]?.postMessage({ tokenkeep: 0 });
      };
      served.postMessage(question, [port2]);
    },
  };
  return { port, served, api, asked, pass: (ms) => void (passed += ms) };
}

const tokens = { accessToken: "access-0-secret", refreshToken: "refresh-0-secret" };

describe("an adoption of a page whose answer was lost", () => {
  it("is asked for again by the same name, and has begun one session [F101 P19]", async () => {
    const { port, asked } = losing(() => {});
    const vault = connect(() => port);
    const types: string[] = [];
    vault.events(({ type }) => types.push(type));
    await vault.adopt(tokens);
    expect(asked).toHaveLength(2);
    expect(asked[1]).toBe(asked[0]);
    expect(await vault.getToken()).toBe("access-0-secret");
    await vi.waitFor(() => expect(types).toContain("signed-in"));
    expect(types.filter((type) => type === "signed-in")).toHaveLength(1);
  });

  it("is not adopted again over its successor [F101]", async () => {
    const made = losing(async () => {
      made.pass(60_000);
      const other = connect(() => made.served);
      expect(await other.getToken({ rejected: "access-0-secret" })).toMatch(/^access-[1-9]/);
    });
    const vault = connect(() => made.port);
    await vault.adopt(tokens);
    expect(await vault.getToken()).toMatch(/^access-[1-9]/);
    expect(vault.snapshot().generation).toBe(2);
  });

  it("is not adopted again over another user's sign-in [F101 P19]", async () => {
    const made = losing(() => connect(() => made.served).signIn(credentials));
    const vault = connect(() => made.port);
    await vault.adopt(tokens);
    expect(await vault.getToken()).toMatch(/^access-[1-9]/);
  });

  it("is not adopted again over a sign-out [F101 P4]", async () => {
    const made = losing(() => connect(() => made.served).signOut());
    const vault = connect(() => made.port);
    await vault.adopt(tokens);
    await expect(vault.getToken()).rejects.toMatchObject({ code: "no_session" });
  });
});
