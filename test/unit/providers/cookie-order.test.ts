/** Whatever may set the cookie goes one after the other, and a sign-out reaches the server before the next. */
import { describe, expect, it } from "vitest";
import { settle } from "../../support/clock.ts";
import type { Kind } from "../../apis/cookies.ts";
import { alice, bob, ME, refusal, stage, type Stage, type Tab, userOf } from "./one-jar.ts";

const HOUR = 3_600_000;

/** Holds the replies of a kind until it is let go. */
function holdReplies({ api }: Stage, which: Kind): () => void {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  api.after = async (kind, reply) => {
    if (kind === which) await held;
    return reply;
  };
  return () => release();
}

/** Two tabs, one of which is signing in: the reply is held. */
async function heldSignIn() {
  const scene = stage();
  const [one, two] = [scene.open(), scene.open()];
  const release = holdReplies(scene, "login");
  const first = one.vault.signIn(alice);
  await settle();
  return { scene, one, two, first, release };
}

/**
 * A tab that freezes when a reply of a kind has come to the browser: neither the reply nor a timer is heard. Or before
 * the `write` that stands between the jar and its request.
 */
function openFreezing({ open, api, clock, jar, store }: Stage, which: Kind | "write") {
  let isFrozen = false;
  const held: (() => void)[] = [];
  let writes = 0;
  const online = jar.fetchOf(api.fetch);
  api.after = (kind, reply) => {
    if (kind === which) isFrozen = true;
    api.after = (_, later) => later;
    return reply;
  };
  const tab = open({
    store: {
      ...store,
      async write(key, ...change) {
        // The first one is for the jar itself.
        if (which === "write" && key.startsWith("jar|") && ++writes === 2) {
          isFrozen = true;
          await new Promise<void>((resolve) => held.push(resolve));
        }
        return store.write(key, ...change);
      },
    },
    clock: {
      ...clock,
      setTimeout: (then, ms) =>
        clock.setTimeout(() => void (isFrozen ? held.push(then) : then()), ms),
    },
    fetch: async (input, init) => {
      const reply = await online(input as string, init);
      if (isFrozen) await new Promise<void>((resolve) => held.push(resolve));
      return reply;
    },
  });
  return {
    ...tab,
    thaw() {
      isFrozen = false;
      for (const one of held.splice(0)) one();
    },
  };
}

async function signedOutOffline({ open }: Stage): Promise<Tab> {
  const tab = open();
  await tab.vault.signIn(alice);
  tab.isOffline = true;
  await tab.vault.signOut();
  await settle();
  return tab;
}

const kinds = ({ api }: Stage): Kind[] =>
  api.calls.map(({ kind }) => kind).filter((kind) => kind !== "api");

describe("requests that may set the cookie", () => {
  it("one user's late refresh does not overwrite the next user's cookie [F103]", async () => {
    const scene = stage();
    const { open, api, clock, jar } = scene;
    const tab = open();
    await tab.vault.signIn(alice);
    await clock.advance(HOUR * 0.82);
    const release = holdReplies(scene, "refresh");
    await tab.vault.fetch(ME);
    await settle();
    expect(kinds(scene)).toEqual(["login", "refresh"]);
    await tab.vault.signOut();
    const other = open();
    const signIn = other.vault.signIn(bob);
    await clock.advance(2_000);
    // It waits, though the sign-out is done.
    expect(kinds(scene)).toEqual(["login", "refresh"]);
    release();
    await clock.until(signIn);
    await clock.advance(1_000);
    expect(kinds(scene)).toEqual(["login", "refresh", "logout", "login"]);
    expect(await userOf(other)).toBe("bob");
    await clock.advance(HOUR);
    expect(await clock.until(userOf(other))).toBe("bob");
    expect([api.users(), jar.cookies.get("XSRF-TOKEN")]).toEqual([["bob"], "csrf-bob"]);
  });

  it("a reply that never comes keeps the next user waiting for its deadline, no longer [P10]", async () => {
    const scene = stage();
    const { open, clock } = scene;
    const tab = open();
    await tab.vault.signIn(alice);
    await clock.advance(HOUR * 0.82);
    holdReplies(scene, "refresh");
    await tab.vault.fetch(ME);
    await settle();
    tab.vault.signOut();
    const other = open();
    const since = clock.running();
    await clock.until(other.vault.signIn(bob));
    expect(clock.running() - since).toBeLessThanOrEqual(17_500);
    expect(await userOf(other)).toBe("bob");
  });

  it("a visit that goes on with a second request is waited for as long as that may last [F103]", async () => {
    const scene = stage();
    const { open, api, clock } = scene;
    await signedOutOffline(scene);
    let logouts = 0;
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    api.before = async (kind) => {
      // Its reply never comes: the visit goes on at the end of the request's time.
      if (kind === "logout" && ++logouts === 1) return new Promise(() => {});
      if (kind === "login") await held;
      return undefined;
    };
    const first = open().vault.signIn(alice);
    await settle();
    const second = open().vault.signIn(bob);
    // The first one's login is under way since the 15th second.
    await clock.advance(28_000);
    expect(kinds(scene)).toEqual(["login", "logout", "login"]);
    release();
    await clock.until(Promise.all([first, second]));
    expect(kinds(scene)).toEqual(["login", "logout", "login", "login"]);
  });

  it.each([
    ["a login", bob],
    ["a search", undefined],
  ] as const)(
    "%s that three slow tabs go before says that it has timed out, and sends nothing [F87 P10]",
    async (_, credentials) => {
      const scene = stage();
      const { open, clock } = scene;
      holdReplies(scene, "refresh");
      for (const tab of [open(), open(), open()]) tab.vault.subscribe(() => {});
      await settle();
      const since = clock.running();
      const told = await clock.until(refusal(open().vault.signIn(credentials)));
      expect(told).toMatchObject({ code: "sign_in_failed", reason: "timed_out" });
      expect(clock.running() - since).toBeLessThanOrEqual(33_200);
      // Those that were before it.
      expect(kinds(scene)).toEqual(["refresh", "refresh", "refresh"]);
    },
  );

  it.each([
    ["a login", alice],
    ["a search", undefined],
  ] as const)(
    "%s whose page was frozen before it was sent, and is overtaken, sends nothing [F87 F103 P8]",
    async (_, credentials) => {
      const scene = stage();
      const { open, clock } = scene;
      const slept = openFreezing(scene, "write");
      const late = refusal(slept.vault.signIn(credentials));
      await clock.advance(20_000);
      const next = open();
      await clock.until(next.vault.signIn(bob));
      slept.thaw();
      expect(await clock.until(late)).toMatchObject({
        code: "sign_in_failed",
        reason: "timed_out",
      });
      expect(kinds(scene)).toEqual(["login"]);
      expect(await userOf(next)).toBe("bob");
    },
  );

  it("two sign-ins at once go one after the other, and the cookie is the last one's [P19]", async () => {
    const scene = stage();
    const { open, clock, jar } = scene;
    const [one, two] = [open(), open()];
    const release = holdReplies(scene, "login");
    const first = one.vault.signIn(alice);
    await settle();
    const second = two.vault.signIn(bob);
    await clock.advance(1_000);
    expect(kinds(scene)).toEqual(["login"]);
    release();
    await clock.until(Promise.all([first, second]));
    expect(jar.cookies.get("XSRF-TOKEN")).toBe("csrf-bob");
    expect(await userOf(two)).toBe("bob");
  });

  it("a refresh waits while somebody signs in over the session, and is not spent for another [P2 F103]", async () => {
    const scene = stage({ isOpaque: true });
    const { open, api, clock } = scene;
    const [one, two] = [open(), open()];
    await one.vault.signIn(alice);
    expect(await userOf(two)).toBe("alice");
    await clock.advance(HOUR * 0.82);
    const release = holdReplies(scene, "login");
    const signIn = one.vault.signIn(bob);
    await settle();
    const call = two.vault.fetch(ME);
    await clock.advance(1_000);
    expect(api.to("refresh")).toEqual([]);
    release();
    await clock.until(signIn);
    expect((await clock.until(call)).status).toBe(200);
    await clock.advance(61_000);
    expect(await refusal(clock.until(userOf(two)))).toMatchObject({ code: "session_changed" });
    expect(await clock.until(userOf(two))).toBe("bob");
    expect(api.reuses()).toBe(0);
  });

  it.each([
    ["a login", "login", alice],
    ["a search", "refresh", undefined],
  ] as const)(
    "%s whose page was frozen and is overtaken brings no session in the place of the next user's [F103 P8 S11]",
    async (_, kind, credentials) => {
      const scene = stage();
      const { open, clock } = scene;
      await scene.signInOutside("alice");
      const slept = openFreezing(scene, kind);
      const late = refusal(slept.vault.signIn(credentials));
      await clock.advance(20_000);
      const next = open();
      await clock.until(next.vault.signIn(bob));
      slept.thaw();
      expect(await clock.until(late)).toMatchObject({
        code: "sign_in_failed",
        reason: "timed_out",
      });
      await clock.advance(HOUR);
      expect(await clock.until(userOf(next))).toBe("bob");
      expect(await clock.until(userOf(slept))).toBe("bob");
      expect(scene.api.users()).toContain("bob");
    },
  );

  it("a login whose page was frozen is kept where nobody has come to the jar meanwhile [P20]", async () => {
    const scene = stage();
    const slept = openFreezing(scene, "login");
    const late = slept.vault.signIn(alice);
    await scene.clock.advance(20_000);
    slept.thaw();
    await scene.clock.until(late);
    expect(await userOf(scene.open())).toBe("alice");
  });

  it("an aborted sign-in that waits sends nothing, and rejects with the caller's reason [P14]", async () => {
    const { scene, one, two, first, release } = await heldSignIn();
    const { clock } = scene;
    const controller = new AbortController();
    const second = two.vault.signIn(bob, { signal: controller.signal });
    await clock.advance(500);
    const reason = new Error("the caller's own");
    controller.abort(reason);
    await expect(second).rejects.toBe(reason);
    release();
    await clock.until(first);
    await clock.advance(20_000);
    expect(kinds(scene)).toEqual(["login"]);
    expect(await userOf(one)).toBe("alice");
  });

  it("a closed vault that waits for its turn sends nothing [P21]", async () => {
    const { scene, two, first, release } = await heldSignIn();
    const { clock } = scene;
    const second = refusal(two.vault.signIn(bob));
    await clock.advance(500);
    two.vault.close();
    release();
    await clock.until(first);
    expect(await clock.until(second)).toMatchObject({ code: "closed" });
    expect(kinds(scene)).toEqual(["login"]);
  });
});

describe("a sign-out that the server has not heard of", () => {
  it("goes before the next sign-in [S14]", async () => {
    const scene = stage();
    await signedOutOffline(scene);
    expect(scene.api.users()).toEqual(["alice"]);
    const other = scene.open();
    await other.vault.signIn(bob);
    expect(kinds(scene)).toEqual(["login", "logout", "login"]);
    expect(scene.api.users()).toEqual(["bob"]);
  });

  it("goes when the network is back, and when a page is opened [S14]", async () => {
    const scene = stage();
    let wake = (): void => {};
    const tab = scene.open({ onWake: (listener) => ((wake = listener), () => {}) });
    await tab.vault.signIn(alice);
    tab.isOffline = true;
    await tab.vault.signOut();
    await settle();
    tab.isOffline = false;
    wake();
    await settle();
    expect(kinds(scene)).toEqual(["login", "logout"]);
    await signedOutOffline(scene);
    scene.open().vault.subscribe(() => {});
    await settle();
    expect(scene.api.users()).toEqual([]);
  });

  it("lapses before a sign-in with credentials, if the server cannot be told", async () => {
    const scene = stage();
    scene.api.before = (kind) =>
      kind === "logout" ? new Response("", { status: 503 }) : undefined;
    await signedOutOffline(scene);
    const other = scene.open();
    await other.vault.signIn(bob);
    expect(await userOf(other)).toBe("bob");
    expect(kinds(scene)).toEqual(["login", "logout", "login"]);
  });

  it("makes finding a cookie fail, so that nobody is signed in again who has left [P4]", async () => {
    const scene = stage();
    scene.api.before = (kind) =>
      kind === "logout" ? new Response("", { status: 503 }) : undefined;
    await signedOutOffline(scene);
    const other = scene.open();
    expect(await refusal(other.vault.signIn())).toMatchObject({
      code: "sign_in_failed",
      reason: "sign_out_not_heard",
    });
    expect(kinds(scene)).toEqual(["login", "logout"]);
  });

  it("finding waits for it, and then finds nothing", async () => {
    const scene = stage();
    await signedOutOffline(scene);
    const other = scene.open();
    expect(await refusal(other.vault.signIn())).toMatchObject({ code: "no_session" });
    expect(kinds(scene)).toEqual(["login", "logout", "refresh"]);
  });

  it("is owed though its tombstone was taken off the list", async () => {
    const scene = stage();
    const { open, clock, record } = scene;
    await signedOutOffline(scene);
    await clock.advance(25 * HOUR);
    const other = open();
    expect(await other.vault.accounts()).toEqual([]);
    expect(await record()).toBeUndefined();
    expect(await refusal(other.vault.fetch(ME))).toMatchObject({ code: "no_session" });
    expect(kinds(scene)).toEqual(["login", "logout", "refresh"]);
  });

  it("is owed too where a sign-in's reply was lost [P20]", async () => {
    const scene = stage();
    const { open, api, clock } = scene;
    const tab = open();
    api.after = (kind, reply) => {
      if (kind === "login") throw new TypeError("lost");
      return reply;
    };
    expect(await refusal(tab.vault.signIn(alice))).toMatchObject({ code: "sign_in_failed" });
    await tab.vault.signOut();
    await clock.advance(1_000);
    expect(kinds(scene)).toEqual(["login", "logout"]);
  });

  it.each([302, 204, 401, 404])("has been heard where the answer is %i", async (status) => {
    const scene = stage();
    scene.api.before = (kind) => (kind === "logout" ? new Response(null, { status }) : undefined);
    const tab = scene.open();
    await tab.vault.signIn(alice);
    await tab.vault.signOut();
    await settle();
    await scene.open().vault.signIn(bob);
    expect(kinds(scene)).toEqual(["login", "logout", "login"]);
  });

  it("without a logoutUrl nothing is owed", async () => {
    const scene = stage({}, { logoutUrl: undefined } as object);
    const tab = scene.open();
    await tab.vault.signIn(alice);
    await tab.vault.signOut();
    await settle();
    await tab.vault.signIn(bob);
    expect(kinds(scene)).toEqual(["login", "login"]);
  });
});
