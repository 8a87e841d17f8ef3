/** A sign-out in a context that has not shown the session yet: it is an end like any other. */
import { describe, expect, it } from "vitest";
import type { VaultEvent } from "../../../src/vault/vault.ts";
import { bench, rejection, signedIn } from "../../support/vault.ts";

function ends(vault: { events(listener: (event: VaultEvent) => void): unknown }): VaultEvent[] {
  const heard: VaultEvent[] = [];
  vault.events((event) => {
    if (event.type === "signed-out") heard.push(event);
  });
  return heard;
}

describe("a sign-out by a context that has just begun", () => {
  it.each([1, 2])(
    "tells of the session's end once, though it is asked for %i times [F46]",
    async (times) => {
      const { api, clock, store, vault: first } = await signedIn();
      const { vault } = bench({ api, clock, store });
      const heard = ends(vault);
      await Promise.all(Array.from({ length: times }, () => vault.signOut()));
      const { sessionId, generation } = heard[0] ?? {};
      expect(heard).toHaveLength(1);
      expect([sessionId === undefined, generation]).toEqual([false, 1]);
      expect(vault.snapshot().status).toBe("signed-out");
      first.close();
    },
  );

  it("tells of it once, though the store takes only the second one", async () => {
    const { api, clock, store, vault: first } = await signedIn();
    let isFull = true;
    const write: typeof store.write = (...change) =>
      isFull ? Promise.reject(new Error("full")) : store.write(...change);
    const { vault } = bench({ api, clock, store: { ...store, write } });
    const heard = ends(vault);
    expect(await clock.until(rejection(vault.signOut()))).toMatchObject({
      code: "store_unavailable",
    });
    isFull = false;
    await clock.until(vault.signOut());
    expect(heard).toHaveLength(1);
    first.close();
  });

  it("tells nothing where nobody was signed in, and nothing twice of what was shown", async () => {
    const { vault } = bench();
    const heard = ends(vault);
    await vault.signOut();
    expect(heard).toEqual([]);
    const shown = await signedIn();
    const told = ends(shown.vault);
    await shown.vault.signOut();
    expect(told).toHaveLength(1);
  });
});
