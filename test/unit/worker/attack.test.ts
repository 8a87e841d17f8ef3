/** What a hostile reviewer found between a page and its worker. */
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import { serveVault } from "../../../src/worker.ts";
import { settle } from "../../support/clock.ts";
import { acme, credentials, fakeApi, ORIGIN } from "../../support/fake-api.ts";
import { real } from "./page.ts";

const VMS = `${ORIGIN}/v1/vms`;

describe("a page's waitUntil that throws, because its event has ended", () => {
  it("fails no call [P14 F31]", async () => {
    const { vault, api } = real();
    await vault.signIn(credentials);
    api.expire();
    const waitUntil = (): never => {
      throw new Error("The event has ended");
    };
    expect((await vault.fetch(VMS, { waitUntil })).status).toBe(200);
  });
});

describe("a page's listener that has left", () => {
  it("is not called any more, not even with what was on its way [F5]", async () => {
    const { vault } = real();
    await vault.signIn(credentials);
    const heard: string[] = [];
    const stop = vault.events(({ type }) => heard.push(type));
    await vault.signOut();
    // In the very task in which the answer has come: what it tells is on its way.
    stop();
    const before = heard.length;
    await settle();
    expect(heard).toHaveLength(before);
  });
});

/** Asks what `serveVault` gives, as a page of this realm does. */
function ask(
  served: ReturnType<typeof serveVault>,
  need: string,
): Promise<Record<string, unknown>> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = ({ data }) => {
      port1.close();
      resolve(data);
    };
    const args = `[${need}]`;
    served.postMessage({ tokenkeep: 1, type: "token", account: "default", args }, [port2]);
  });
}

describe("a page that says it was given a generation without end", () => {
  it("keeps no endpoint from being healed [S10 P13]", async () => {
    const own = fakeApi();
    const served = serveVault({
      provider: acme(),
      store: memoryStore(),
      fetch: own.fetch,
      patience: 500,
    });
    await new Promise<void>((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      const args = JSON.stringify([credentials]);
      served.postMessage({ tokenkeep: 1, type: "signIn", account: "default", args }, [port2]);
    });
    const need = `"url":"${VMS}","method":"GET"`;
    const { value } = await ask(served, `{${need}}`);
    const { sessionId } = value as { sessionId: string };
    await ask(served, `{${need},"sessionId":"${sessionId}","generation":1e999}`);
    const healed = await ask(served, `{${need},"sessionId":"${sessionId}","generation":1}`);
    expect(healed["value"]).toMatchObject({ generation: 2 });
  });
});
