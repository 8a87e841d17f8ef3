/** A cookie that is there already is found, once for all tabs, and never after a sign-out. */
import { describe, expect, it, vi } from "vitest";
import { settle } from "../../support/clock.ts";
import { alice, ME, refusal, stage, userOf } from "./one-jar.ts";

const HOUR = 3_600_000;

describe("the first look", () => {
  it("finds the cookie of a login outside the vault, by one quiet refresh", async () => {
    const { open, api, signInOutside } = stage();
    await signInOutside("bob");
    const tab = open();
    const shown: string[] = [];
    tab.vault.subscribe(({ status }) => void shown.push(status));
    await settle();
    expect(shown).toEqual(["loading", "signed-in"]);
    expect(await userOf(tab)).toBe("bob");
    expect(tab.events.map(({ type }) => type)).toEqual(["signed-in"]);
    expect(api.to("refresh")).toHaveLength(1);
  });

  it("a call waits for it, and nobody is told that nobody is signed in", async () => {
    const { open, signInOutside } = stage();
    await signInOutside("bob");
    expect(await userOf(open())).toBe("bob");
  });

  it("without a cookie it says so quietly, once", async () => {
    const { open, api } = stage();
    const tab = open();
    const shown: string[] = [];
    tab.vault.subscribe(({ status }) => void shown.push(status));
    await settle();
    expect(shown).toEqual(["loading", "signed-out"]);
    expect(await refusal(tab.vault.fetch(ME))).toMatchObject({ code: "no_session" });
    expect(tab.events).toEqual([]);
    expect(api.to("refresh")).toHaveLength(1);
  });

  it("ten tabs over an empty database make one refresh, and all are signed in [P1]", async () => {
    const { open, api, clock, signInOutside } = stage();
    await signInOutside("bob");
    const tabs = Array.from({ length: 10 }, () => open());
    const users = await clock.until(Promise.all(tabs.map(userOf)));
    expect(users).toEqual(tabs.map(() => "bob"));
    expect(api.to("refresh")).toHaveLength(1);
    expect(api.reuses()).toBe(0);
  });

  it("ten tabs without a cookie ask once [P1]", async () => {
    const { open, api, clock } = stage();
    const tabs = Array.from({ length: 10 }, () => open());
    const told = await clock.until(Promise.all(tabs.map(({ vault }) => refusal(vault.fetch(ME)))));
    expect(new Set(told.map((one) => (one as { code: string }).code))).toEqual(
      new Set(["no_session"]),
    );
    expect(api.to("refresh")).toHaveLength(1);
  });

  it("a page that is opened after a login outside finds what an earlier one did not", async () => {
    const { open, clock, signInOutside } = stage();
    await refusal(open().vault.fetch(ME));
    await clock.advance(1_000);
    await signInOutside("bob");
    expect(await userOf(open())).toBe("bob");
  });

  it("finds what an earlier one did not, though the clock was years ahead then [P15]", async () => {
    const { open, clock, signInOutside } = stage();
    clock.jump(3_650 * 24 * HOUR);
    await refusal(open().vault.fetch(ME));
    clock.jump(-3_650 * 24 * HOUR);
    await signInOutside("bob");
    expect(await clock.until(userOf(open()))).toBe("bob");
  });

  it("finds it in the place of a session that the server has refused", async () => {
    const { open, api, clock, signInOutside } = stage();
    await open().vault.signIn(alice);
    api.forget();
    await clock.advance(HOUR);
    const earlier = open();
    await refusal(clock.until(earlier.vault.fetch(ME)));
    await clock.advance(1_000);
    await signInOutside("bob");
    const tab = open();
    const shown: string[] = [];
    tab.vault.subscribe(({ status }) => void shown.push(status));
    await clock.until(tab.vault.fetch(ME));
    expect(await userOf(tab)).toBe("bob");
    expect([...new Set(shown)]).toEqual(["loading", "signed-in"]);
  });

  it.each([
    ["an empty 403", 403],
    ["not found", 404],
  ])("takes %s for no session, because there is none to be lost", async (_, status) => {
    const { open, api } = stage();
    api.before = (kind) => (kind === "refresh" ? new Response("", { status }) : undefined);
    const { vault } = open();
    expect(await refusal(vault.fetch(ME))).toMatchObject({ code: "no_session" });
  });

  it("while the server is in trouble nobody knows, and a call waits for it [P17]", async () => {
    const { open, api, clock, signInOutside } = stage();
    await signInOutside("bob");
    let isDown = true;
    api.before = (kind) =>
      kind === "refresh" && isDown ? new Response("", { status: 503 }) : undefined;
    const tab = open();
    const call = userOf(tab);
    await clock.advance(500);
    expect(tab.vault.snapshot().status).toBe("unavailable");
    isDown = false;
    expect(await clock.until(call)).toBe("bob");
    expect(tab.vault.snapshot().status).toBe("signed-in");
  });

  it("a call whose patience ends meanwhile is told why [P10]", async () => {
    const { open, api, clock } = stage();
    api.before = (kind) => (kind === "refresh" ? new Response("", { status: 503 }) : undefined);
    const { vault } = open();
    const since = clock.running();
    expect(await refusal(clock.until(vault.fetch(ME)))).toMatchObject({
      code: "refresh_failed",
      status: 503,
    });
    expect(clock.running() - since).toBe(20_000);
  });

  it("a call is told in time though the server says nothing at all [P10]", async () => {
    const { open, api, clock } = stage();
    api.before = (kind) => (kind === "refresh" ? new Promise(() => {}) : undefined);
    const { vault } = open({ patience: 5_000 });
    const since = clock.running();
    expect(await refusal(clock.until(vault.fetch(ME)))).toMatchObject({
      code: "refresh_failed",
      reason: "timed_out",
    });
    expect(clock.running() - since).toBe(5_000);
  });

  it("nothing is looked for in the background that may end half done, but a call looks [F55]", async () => {
    const { open, api, signInOutside } = stage();
    await signInOutside("bob");
    const tab = open({ isHeldOpen: () => false, refreshAhead: true });
    await settle();
    expect([api.to("refresh").length, tab.vault.snapshot().status]).toEqual([0, "loading"]);
    expect(await userOf(tab)).toBe("bob");
  });

  it.each(["before it is called", "afterwards"])(
    "a sign-in that is aborted %s leaves at once, though a look is under way [P14]",
    async (when) => {
      const { open, api } = stage();
      api.before = (kind) => (kind === "refresh" ? new Promise(() => {}) : undefined);
      const { vault } = open();
      vault.subscribe(() => {});
      await settle();
      const controller = new AbortController();
      const reason = new Error("the caller's own");
      if (when === "before it is called") controller.abort(reason);
      const signIn = vault.signIn(alice, { signal: controller.signal });
      controller.abort(reason);
      await expect(signIn).rejects.toBe(reason);
      expect(api.to("login")).toEqual([]);
    },
  );

  it("a network that is away is tried again when it comes back [F12]", async () => {
    let wake = (): void => {};
    const { open, clock, signInOutside } = stage();
    await signInOutside("bob");
    const tab = open({ onWake: (listener) => ((wake = listener), () => {}) });
    tab.isOffline = true;
    tab.vault.subscribe(() => {});
    await settle();
    expect(tab.vault.snapshot().status).toBe("unavailable");
    tab.isOffline = false;
    wake();
    await clock.advance(1);
    expect(tab.vault.snapshot().status).toBe("signed-in");
  });
});

describe("after a sign-out", () => {
  it("no look finds a cookie, but signIn() without an argument does", async () => {
    const { open, api, signInOutside } = stage();
    const first = open();
    await first.vault.signIn(alice);
    await first.vault.signOut();
    await settle();
    await signInOutside("bob");
    const tab = open();
    expect(await refusal(tab.vault.fetch(ME))).toMatchObject({ code: "no_session" });
    expect(api.to("refresh")).toEqual([]);
    expect(tab.vault.snapshot().status).toBe("signed-out");
    await tab.vault.signIn();
    expect(await userOf(tab)).toBe("bob");
  });

  it("signIn() where there is no cookie rejects, and says what to do", async () => {
    const { open } = stage();
    const { vault, events } = open();
    const error = await vault.signIn().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "no_session",
      message: expect.stringContaining("Call signIn() with credentials"),
    });
    expect(events).toEqual([]);
  });

  it("signIn() where a session stands keeps it, and asks nobody [P2]", async () => {
    const { open, api } = stage();
    await open().vault.signIn(alice);
    const tab = open();
    await tab.vault.signIn();
    expect(await userOf(tab)).toBe("alice");
    expect(api.to("refresh")).toEqual([]);
  });

  it.each(["the same tab", "another tab"])(
    "in %s while a cookie is being found, it stays signed out, and the server hears of it [P4 S14]",
    async (which) => {
      const { open, api, clock, record, signInOutside } = stage();
      await signInOutside("bob");
      let release = (): void => {};
      const held = new Promise<void>((resolve) => (release = resolve));
      api.after = async (kind, reply) => {
        if (kind === "refresh") await held;
        return reply;
      };
      const finder = open();
      const call = refusal(finder.vault.fetch(ME));
      await settle();
      expect(api.to("refresh")).toHaveLength(1);
      await clock.advance(10);
      const leaver = which === "the same tab" ? finder : open();
      const left = leaver.vault.signOut();
      await clock.advance(10);
      release();
      await clock.until(left);
      expect(await call).toMatchObject({ code: "no_session" });
      await clock.advance(1_000);
      expect(await record()).toMatchObject({ tombstone: true });
      expect(api.users()).toEqual([]);
    },
  );
});

describe("a context that dies while it looks", () => {
  it("leaves the cookie to the others, after its deadline [P10 F57]", async () => {
    const { open, api, clock, signInOutside } = stage();
    await signInOutside("bob");
    let isFirst = true;
    api.before = (kind) => {
      if (kind !== "refresh" || !isFirst) return undefined;
      isFirst = false;
      return new Promise(() => {});
    };
    const dying = open();
    // Its reply never comes, nor does anything that it would do then.
    refusal(dying.vault.fetch(ME)).catch(() => {});
    await settle();
    const tab = open();
    const since = clock.running();
    expect(await clock.until(userOf(tab))).toBe("bob");
    expect(clock.running() - since).toBeLessThanOrEqual(17_500);
  });
});

describe("a page that is rendered elsewhere", () => {
  it("is signed out where there is no jar, and asks nobody [F73]", async () => {
    const { open, api } = stage();
    vi.unstubAllGlobals();
    const { vault } = open();
    expect(vault.snapshot().status).toBe("loading");
    expect(await refusal(vault.fetch(ME))).toMatchObject({ code: "no_session" });
    expect(api.calls).toEqual([]);
  });
});
