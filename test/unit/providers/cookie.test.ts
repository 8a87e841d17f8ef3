/** The cookie mechanism: what it sends and keeps, and how it begins, renews and ends a session. */
import { describe, expect, it, vi } from "vitest";
import type { Csrf, RawGrant } from "../../../src/providers/cookie.ts";
import { beInPage } from "../../support/browser-jar.ts";
import { settle } from "../../support/clock.ts";
import { acme, alice, bob, ME, ORIGIN, refusal, stage, userOf } from "./one-jar.ts";

const HOUR = 3_600_000;

describe("a session by cookie", () => {
  it("signs in, refreshes and signs out with the cookie, and sends no cookie to the API [S2]", async () => {
    const seen: Record<string, RequestCredentials | undefined> = {};
    const { open, api, jar, clock } = stage();
    const online = jar.fetchOf(api.fetch);
    const { vault } = open({
      fetch: async (input, init) => {
        seen[new URL(String(input)).pathname] = init?.credentials;
        return online(input as string, init);
      },
    });
    await vault.signIn(alice);
    expect((await vault.fetch(ME)).status).toBe(200);
    await clock.advance(HOUR);
    expect((await clock.until(vault.fetch(ME))).status).toBe(200);
    await vault.signOut();
    await settle();
    expect(seen).toEqual({
      "/auth/login": "include",
      "/auth/refresh": "include",
      "/auth/logout": "include",
      "/v1/me": undefined,
    });
    expect(api.users()).toEqual([]);
    expect(jar.cookies.has("refresh")).toBe(false);
  });

  it("says that its `write` threw, and shows nothing of that [F87 S4]", async () => {
    const { open, api } = stage(
      {},
      {
        write: () => {
          throw new Error("a secret");
        },
      },
    );
    const error = await open()
      .vault.signIn(alice)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "write_failed" });
    expect(String(error)).not.toContain("secret");
    expect(api.calls).toEqual([]);
  });

  it("keeps no refresh token in the record, though the reply has one [S7]", async () => {
    const { open, record } = stage();
    await open().vault.signIn(alice);
    const stored = JSON.stringify(await record());
    expect(stored).toContain("accessToken");
    expect(stored).not.toContain("refresh-1-secret");
  });

  it("shows in no profile the refresh token that the reply has beside the cookie [S7]", async () => {
    const read = ({ access_token, refresh_token }: Record<string, unknown>): RawGrant => ({
      accessToken: access_token,
      refreshToken: refresh_token,
      profile: { name: "Ada", token: refresh_token },
    });
    const { open, record } = stage({}, { read });
    const { vault } = open();
    await vault.signIn(alice);
    expect(vault.snapshot()).toMatchObject({ status: "signed-in", profile: undefined });
    expect(JSON.stringify(await record())).not.toContain("refresh-1-secret");
  });

  it("ten tabs refresh a rotating cookie once, and all get the new token [P1 P2 F1]", async () => {
    const { open, api, clock } = stage();
    const tabs = Array.from({ length: 10 }, () => open());
    await tabs[0]!.vault.signIn(alice);
    for (const { vault } of tabs) await vault.fetch(ME);
    await clock.advance(HOUR);
    const replies = await clock.until(Promise.all(tabs.map(({ vault }) => vault.fetch(ME))));
    expect(replies.map(({ status }) => status)).toEqual(tabs.map(() => 200));
    expect(api.to("refresh")).toHaveLength(1);
    expect(api.reuses()).toBe(0);
  });

  it("a wrong password leaves the session that is there alone, and a sign-out still reaches the server", async () => {
    const { open, api } = stage();
    const tab = open();
    await tab.vault.signIn(alice);
    const wrong = { email: "bob", password: "wrong" };
    expect(await refusal(tab.vault.signIn(wrong))).toMatchObject({ code: "credentials_refused" });
    expect(await userOf(tab)).toBe("alice");
    await tab.vault.signOut();
    await settle();
    expect(api.users()).toEqual([]);
  });

  it("a refused refresh asks for a sign-in [P9]", async () => {
    const { open, api, clock } = stage();
    const { vault } = open();
    await vault.signIn(alice);
    await clock.advance(HOUR);
    await clock.until(vault.fetch(ME));
    api.forget();
    await clock.advance(HOUR);
    expect(await refusal(clock.until(vault.fetch(ME)))).toEqual({
      code: "sign_in_required",
      reason: "refresh_token_refused",
      status: 401,
    });
  });

  it("a refresh whose reply is lost is not repeated while the token is good [P2]", async () => {
    const { open, api, clock } = stage();
    const { vault } = open();
    await vault.signIn(alice);
    let isLost = true;
    api.after = (kind, reply) => {
      if (kind !== "refresh" || !isLost) return reply;
      isLost = false;
      throw new TypeError("lost");
    };
    await clock.advance(HOUR * 0.82);
    await vault.fetch(ME);
    await settle();
    await clock.advance(HOUR * 0.1);
    expect((await vault.fetch(ME)).status).toBe(200);
    expect(api.to("refresh")).toHaveLength(1);
  });
});

describe("what keeps forged requests out", () => {
  it.each([
    ["a fixed header", "fixed", { header: "X-Requested-With", value: "vault" }],
    ["a readable cookie", "cookie", { header: "X-CSRF", cookie: "XSRF-TOKEN" }],
    [
      "a field of the reply",
      "reply",
      { header: "X-CSRF", read: ({ csrf }: Record<string, unknown>) => csrf },
    ],
  ] as const)("%s goes along with refresh and sign-out", async (_, kind, csrf) => {
    const { open, api, clock } = stage({ csrf: kind }, { csrf });
    beInPage("app.acme.test", "other=1; XSRF-TOKEN=csrf%2Dalice");
    const { vault } = open();
    await vault.signIn(alice);
    // A context that comes later knows it too.
    const later = open();
    await clock.advance(HOUR);
    expect((await clock.until(later.vault.fetch(ME))).status).toBe(200);
    await later.vault.signOut();
    await settle();
    expect(api.users()).toEqual([]);
    expect(api.calls.map(({ status }) => status)).not.toContain(403);
  });

  it.each<[string, Csrf, string]>([
    ["a fixed value with spaces", { header: "X-CSRF", value: "Acme Web 2" }, "Acme Web 2"],
    ["a cookie's with a space", { header: "X-CSRF", cookie: "XSRF-TOKEN" }, "a b"],
    ["a number of the reply", { header: "X-CSRF", read: () => 4711 }, "4711"],
  ])("%s goes along as it is [F87]", async (_, csrf, value) => {
    const { open, api, clock } = stage({}, { csrf });
    beInPage("app.acme.test", "XSRF-TOKEN=a%20b");
    const { vault } = open();
    await vault.signIn(alice);
    const seen: (string | null)[] = [];
    api.before = (kind, { headers }) => {
      if (kind === "refresh") seen.push(headers.get("x-csrf"));
      return undefined;
    };
    await clock.advance(HOUR);
    expect((await clock.until(vault.fetch(ME))).status).toBe(200);
    expect(seen).toEqual([value]);
  });

  it.each<[string, object]>([
    ["a value with a line break", { header: "X-CSRF", value: "line\nbreak" }],
    ["a value that ends in a space", { header: "X-CSRF", value: "Acme " }],
    ["a value beyond ASCII", { header: "X-CSRF", value: "Ä" }],
    ["a value that is missing", { header: "X-CSRF", value: undefined }],
    ["a value that is a number", { header: "X-CSRF", value: 2 }],
    ["a header's name with a space", { header: "X CSRF", value: "vault" }],
    ["a header's name with a colon", { header: "X-CSRF:", cookie: "XSRF-TOKEN" }],
    ["a header's name that is missing", { read: () => "token" }],
  ])("%s is told when the provider is made, and shown in no message [F87 S4]", (_, csrf) => {
    const make = (): unknown => acme({ csrf: csrf as Csrf });
    expect(make).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: expect.not.stringMatching(/break|Acme|Ä|X.CSRF/) as string,
      }),
    );
    expect(make).toThrow("Wanted: csrf, with a header's name");
  });

  it("a value that no header holds is left out, and told to nobody [S4 S5]", async () => {
    const csrf = { header: "X-CSRF", read: () => "line\nbreak" };
    const { open, api, clock } = stage({ csrf: "reply" }, { csrf });
    const { vault } = open();
    await vault.signIn(alice);
    await clock.advance(HOUR);
    const told = await refusal(clock.until(vault.fetch(ME)));
    expect(told).toMatchObject({ code: "refresh_failed", status: 403 });
    expect(api.to("refresh")[0]).toMatchObject({ status: 403 });
  });

  it("in a worker, which sees no cookie, the error says what to do instead", async () => {
    const { open } = stage({}, { csrf: { header: "X-CSRF", cookie: "XSRF-TOKEN" } });
    vi.unstubAllGlobals();
    vi.stubGlobal("importScripts", () => {});
    const told = await refusal(open().vault.signIn(alice));
    expect(told).toMatchObject({ code: "invalid_option" });
  });
});

describe("where there is one cookie", () => {
  it("a second account is refused while the first is signed in [S11]", async () => {
    const { open, api } = stage();
    await open({ account: "alice" }).vault.signIn(alice);
    const second = open({ account: "bob" });
    const told = await refusal(second.vault.signIn(bob));
    expect(told).toMatchObject({
      code: "invalid_option",
      reason: "cookie_of_another_account",
    });
    expect(api.to("login")).toHaveLength(1);
    expect(await refusal(second.vault.fetch(ME))).toMatchObject({ code: "no_session" });
    expect(second.vault.snapshot().status).toBe("signed-out");
    expect(api.to("refresh")).toEqual([]);
  });

  it("a second account may sign in when the first has signed out", async () => {
    const { open, api } = stage();
    const first = open({ account: "alice" });
    await first.vault.signIn(alice);
    await first.vault.signOut();
    await settle();
    await open({ account: "bob" }).vault.signIn(bob);
    expect(api.users()).toEqual(["bob"]);
  });

  it.each([
    ["name", { name: "acme-2" }],
    ["first of the origins", { origins: [`${ORIGIN}/v1`] }],
  ])(
    "after a deploy that changes the %s, a user signs in once more, and a page of the earlier deploy ends [P19 S11]",
    async (_, changes) => {
      const { open, api, clock } = stage();
      const old = open();
      await old.vault.signIn(alice);
      const renamed = { provider: acme(changes) };
      const tab = open(renamed);
      // Nobody asked for it: a look leaves the session of the earlier deploy alone.
      expect(await refusal(tab.vault.fetch(ME))).toMatchObject({ code: "no_session" });
      expect(await userOf(old)).toBe("alice");
      await tab.vault.signIn(bob);
      expect(await userOf(tab)).toBe("bob");
      await clock.advance(HOUR);
      expect(await refusal(clock.until(old.vault.fetch(ME)))).toMatchObject({
        code: "sign_in_required",
        reason: "cookie_of_another_account",
      });
      // Its sign-out is of nobody's cookie.
      await old.vault.signOut();
      await settle();
      expect(await clock.until(userOf(open(renamed)))).toBe("bob");
      expect(api.to("logout")).toEqual([]);
    },
  );

  it("a partition keeps no two sessions apart", () => {
    expect(acme({ partition: ["web"] } as object).partition).toBeUndefined();
  });

  it("a refreshed token of another user ends the session, and is served to nobody [F103]", async () => {
    const { open, api, clock, signInOutside } = stage({ isOpaque: true });
    const tab = open();
    await tab.vault.signIn(alice);
    await signInOutside("bob");
    await clock.advance(HOUR * 0.82);
    expect(await userOf(tab)).toBe("alice");
    await settle();
    await clock.advance(1_000);
    expect(tab.vault.snapshot().status).toBe("signed-out");
    expect(tab.events.map(({ type }) => type)).toContain("signed-out");
    expect(await refusal(tab.vault.fetch(ME))).toMatchObject({ code: "no_session" });
    // The other user's cookie is still there to be found, and nobody has signed it out.
    await tab.vault.signIn();
    expect(await userOf(tab)).toBe("bob");
    expect(api.to("logout")).toEqual([]);
  });

  it("third-party cookies that are blocked are told as what they are", async () => {
    const { open, jar, clock } = stage();
    beInPage("app.other.test");
    jar.isBlocking = true;
    const { vault } = open();
    await vault.signIn(alice);
    await clock.advance(HOUR);
    expect(await refusal(clock.until(vault.fetch(ME)))).toEqual({
      code: "sign_in_required",
      reason: "third_party_cookies_blocked",
      status: 401,
    });
  });

  it.each(["signIn(credentials)", "signIn()", "fetch"])(
    "%s where there is no jar is refused, with what to use instead",
    async (way) => {
      const { open, api, store, clock } = stage();
      await open().vault.signIn(alice);
      vi.unstubAllGlobals();
      const { vault } = open({ store });
      if (way === "fetch") await clock.advance(HOUR);
      const ways: Record<string, () => Promise<unknown>> = {
        fetch: () => vault.fetch(ME),
        "signIn()": () => vault.signIn(),
      };
      const work = (ways[way] ?? (() => vault.signIn(bob)))();
      const error = await clock.until(work).catch((reason: unknown) => reason);
      if (way === "fetch") expect(error).toMatchObject({ reason: "no_cookie_jar" });
      else if (way === "signIn()") expect(error).toMatchObject({ reason: "no_cookie_jar" });
      else {
        expect(error).toMatchObject({ code: "invalid_option", reason: "no_cookie_jar" });
        expect(String(error)).toContain("password()");
      }
      expect(api.to("refresh")).toEqual([]);
    },
  );

  it("a search of another provider changes nothing for the session that has the cookie [S14 P17]", async () => {
    const { open, api, clock } = stage();
    const first = open();
    await first.vault.signIn(alice);
    const other = open({ provider: acme({ name: "acme2" }) });
    other.isOffline = true;
    expect(await refusal(clock.until(other.vault.signIn()))).toMatchObject({
      code: "invalid_option",
    });
    other.isOffline = false;
    await first.vault.signOut({ untilRevoked: true });
    expect([api.users(), api.to("logout").length]).toEqual([[], 1]);
  });

  it("without its store nobody signs in, because other tabs could not know [P5]", async () => {
    const { open, api, store } = stage();
    const fail = async (): Promise<never> => {
      throw new Error("down");
    };
    const { vault } = open({ store: { ...store, read: fail, write: fail } });
    expect(await refusal(vault.signIn(alice))).toMatchObject({ code: "store_unavailable" });
    expect(api.calls).toEqual([]);
  });
});

describe("without anything", () => {
  it.each([
    ["no credentials", null],
    ["a wrong type", undefined],
  ])("%s: a typed error", async (_, given) => {
    const { open } = stage();
    expect(await refusal(open().vault.signIn(given as never))).toMatchObject({
      code: given === null ? "invalid_option" : "no_session",
    });
  });

  it("a vault needs no more than the address of three endpoints", () => {
    expect(acme()).toMatchObject({ name: "acme", origins: [ORIGIN] });
  });
});
