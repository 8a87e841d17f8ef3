/** A session that a page begins by adopt(), with the token of a login that has set the cookie beside the vault. */
import { describe, expect, it } from "vitest";
import { acme, bob, ME, ORIGIN, refusal, stage, type Stage, type Tab, userOf } from "./one-jar.ts";

const HOUR = 3_600_000;

/** A tab whose session is that of a login on the server's own page. */
async function adopting({ open, api, jar }: Stage): Promise<Tab> {
  const reply = await jar.fetchOf(api.fetch)(`${ORIGIN}/auth/page?user=alice`, {
    method: "POST",
    credentials: "include",
  });
  const { access_token: accessToken } = (await reply.json()) as { access_token: string };
  const tab = open();
  await tab.vault.adopt({ accessToken });
  return tab;
}

describe("a session begun by adopt(), whose cookie is there already", () => {
  it("is signed out at the server too [S14]", async () => {
    const scene = stage();
    const tab = await adopting(scene);
    await tab.vault.signOut({ untilRevoked: true });
    expect([scene.api.users(), scene.api.to("logout").length]).toEqual([[], 1]);
  });

  it("owes its sign-out where the network was away [S14]", async () => {
    const scene = stage();
    const tab = await adopting(scene);
    tab.isOffline = true;
    await tab.vault.signOut();
    await scene.clock.advance(1_000);
    scene.open().vault.subscribe(() => {});
    await scene.clock.advance(1_000);
    expect(scene.api.users()).toEqual([]);
  });

  it("takes the cookie from no other account that is signed in [S11]", async () => {
    const scene = stage();
    await scene.open({ account: "work" }).vault.signIn(bob);
    const tab = await adopting(scene);
    await tab.vault.signOut();
    await scene.clock.advance(1_000);
    expect(scene.api.to("logout")).toEqual([]);
  });

  it("takes the cookie from no session of another provider, either [P17 S11]", async () => {
    const scene = stage();
    const before = scene.open({ provider: acme({ name: "acme-before" }) });
    await before.vault.signIn(bob);
    await scene.open().vault.adopt({ accessToken: "a-token-of-alice" });
    await scene.clock.advance(HOUR);
    expect(await scene.clock.until(userOf(before))).toBe("bob");
  });

  it("is begun though the jar's record cannot be written [P19]", async () => {
    const scene = stage();
    const { store, clock, open } = scene;
    const write: typeof store.write = async (key, ...rest) => {
      if (key.startsWith("jar|")) throw new Error("full");
      return store.write(key, ...rest);
    };
    const tab = await adopting({ ...scene, open: () => open({ store: { ...store, write } }) });
    expect(await clock.until(userOf(tab))).toBe("alice");
  });

  it("ends where its first refresh brings another user's token [F103]", async () => {
    const scene = stage();
    const tab = await adopting(scene);
    await scene.signInOutside("bob");
    await scene.clock.advance(HOUR);
    const told = await refusal(scene.clock.until(tab.vault.fetch(ME)));
    expect(told).toMatchObject({ code: "no_session" });
    expect(tab.vault.snapshot().status).toBe("signed-out");
    expect(scene.api.to("logout")).toEqual([]);
  });

  it("goes on where its first refresh brings the same user's token [P17]", async () => {
    const scene = stage();
    const tab = await adopting(scene);
    await scene.clock.advance(HOUR);
    expect(await scene.clock.until(userOf(tab))).toBe("alice");
  });
});
