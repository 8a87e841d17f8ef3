/** What a cookie's session must do in every browser, with real cookies and two origins. */
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import {
  cookieIn,
  HOUR,
  hasStatus,
  holdReplies,
  kindsOf,
  setUp,
  signInTo,
  signOutOf,
  userOf,
} from "./cookie-tabs.ts";
import { closeTab } from "./lifeline.ts";
import { setOnline } from "./set-online.ts";

export function cookieCases(): void {
  describe("a refresh token in a cookie", () => {
    it("signs in, refreshes and signs out across two origins, and script sees no cookie [S7]", async () => {
      const stage = await setUp();
      const page = await stage.open();
      expect(await signInTo(page, "alice")).toBe("ok");
      expect(await cookieIn(stage)).toBe("refresh-1-secret");
      expect(await page.evaluate(() => document.cookie)).not.toContain("refresh");
      await stage.jump(HOUR);
      expect(await userOf(page)).toBe("alice");
      expect(await cookieIn(stage)).toBe("refresh-2-secret");
      await signOutOf(page);
      await expect.poll(() => cookieIn(stage)).toBeUndefined();
      expect(stage.api.users()).toEqual([]);
    });

    it("a login outside the vault is found at the first look, by one refresh", async () => {
      const stage = await setUp();
      await stage.signInOutside("bob");
      const page = await stage.open();
      await hasStatus(page, "signed-in");
      expect(await userOf(page)).toBe("bob");
      expect(stage.api.to("refresh")).toHaveLength(1);
    });

    it("without a cookie the page is signed out, without an event", async () => {
      const stage = await setUp();
      const page = await stage.open();
      await hasStatus(page, "signed-out");
      expect(await page.evaluate(() => window.cookies.events)).toEqual([]);
      expect(await userOf(page)).toBe("no_session");
    });

    it.each([
      ["two tabs", 2, false],
      ["ten tabs", 10, false],
      ["a worker with three pages", 3, true],
    ] as const)("%s over an empty database make one refresh [P1]", async (_, count, isInWorker) => {
      const stage = await setUp();
      await stage.signInOutside("bob");
      const pages = await Promise.all(
        Array.from({ length: count }, () => stage.open({ isInWorker })),
      );
      expect(await Promise.all(pages.map(userOf))).toEqual(pages.map(() => "bob"));
      expect(stage.api.to("refresh")).toHaveLength(1);
    });

    it("ten tabs refresh a rotating cookie once, and lose nothing [P1 P2 F1]", async () => {
      const stage = await setUp();
      const pages = await Promise.all(Array.from({ length: 10 }, () => stage.open()));
      await signInTo(pages[0]!, "alice");
      await Promise.all(pages.map(userOf));
      const before = stage.api.to("refresh").length;
      await stage.jump(HOUR);
      expect(await Promise.all(pages.map(userOf))).toEqual(pages.map(() => "alice"));
      expect(stage.api.to("refresh").length - before).toBe(1);
      expect(stage.api.reuses()).toBe(0);
    });

    it("a tab that is closed in flight leaves a rotating cookie to the others [F39]", async () => {
      const stage = await setUp();
      const [first, other] = (await stage.openSignedOut(2)) as [Page, Page];
      await signInTo(first, "alice");
      expect(await userOf(other)).toBe("alice");
      // It arrives, and is never processed: the cookie is unspent, but nobody can know.
      let arrive = (): void => {};
      const arrived = new Promise<void>((resolve) => (arrive = resolve));
      let isFirst = true;
      stage.api.before = (kind, request) => {
        if (kind !== "refresh" || !isFirst) return undefined;
        isFirst = false;
        arrive();
        return new Promise((_, reject) => {
          request.signal.addEventListener("abort", () => reject(new Error("left")));
        });
      };
      await stage.jump(HOUR);
      void userOf(first).catch(() => {});
      await arrived;
      await closeTab(first);
      expect(await userOf(other)).toBe("alice");
      expect(stage.api.to("refresh").map(({ status }) => status)).toEqual([0, 200]);
      expect(stage.api.reuses()).toBe(0);
    });

    it("where the server had rotated for a tab that is gone, the last chance is refused [P2 F39]", async () => {
      const stage = await setUp();
      const [first, other] = (await stage.openSignedOut(2)) as [Page, Page];
      await signInTo(first, "alice");
      expect(await userOf(other)).toBe("alice");
      let arrive = (): void => {};
      const arrived = new Promise<void>((resolve) => (arrive = resolve));
      let isFirst = true;
      stage.api.after = (kind, reply, request) => {
        if (kind !== "refresh" || !isFirst) return reply;
        isFirst = false;
        arrive();
        // The reply, and the cookie in it, go to nobody.
        return new Promise((_, reject) => {
          request.signal.addEventListener("abort", () => reject(new Error("left")));
        });
      };
      await stage.jump(HOUR * 0.82);
      expect(await userOf(first)).toBe("alice");
      await arrived;
      await closeTab(first);
      // While the token is good, nothing is risked.
      expect(await userOf(other)).toBe("alice");
      expect(stage.api.to("refresh")).toHaveLength(1);
      await stage.jump(HOUR * 0.2);
      expect(await userOf(other)).toBe("sign_in_required refresh_token_refused");
      expect(stage.api.reuses()).toBe(1);
      // A new login goes on as ever.
      expect(await signInTo(other, "alice")).toBe("ok");
      expect(await userOf(other)).toBe("alice");
    });

    it("one user's late Set-Cookie does not overwrite the next user's [F103]", async () => {
      const stage = await setUp();
      const [first, other] = (await stage.openSignedOut(2)) as [Page, Page];
      await signInTo(first, "alice");
      const gate = holdReplies(stage, "refresh");
      await stage.jump(HOUR * 0.82);
      expect(await userOf(first)).toBe("alice");
      await gate.arrived;
      await signOutOf(first);
      const signIn = signInTo(other, "bob");
      // The sign-in has to wait for alice's reply, and her logout goes first.
      // It has looked again and again who is at the jar.
      const looks = await other.evaluate(() => window.cookies.looks());
      await other.waitForFunction((before) => window.cookies.looks() > before + 20, looks);
      expect(kindsOf(stage)).toEqual(["login", "refresh"]);
      gate.release();
      expect(await signIn).toBe("ok");
      expect(kindsOf(stage)).toEqual(["login", "refresh", "logout", "login"]);
      await stage.jump(HOUR);
      expect(await userOf(other)).toBe("bob");
      expect(stage.api.users()).toEqual(["bob"]);
    });

    it("a logout made offline reaches the server before the next sign-in [S14]", async () => {
      const stage = await setUp();
      const [page] = (await stage.openSignedOut(1)) as [Page];
      await signInTo(page, "alice");
      await setOnline(stage.context, false);
      await signOutOf(page);
      await hasStatus(page, "signed-out");
      expect(stage.api.users()).toEqual(["alice"]);
      // The network is back for a page that is being closed, and nobody may hear what it still sends.
      await stage.stopApi();
      await setOnline(stage.context, true);
      await closeTab(page);
      await stage.startApi();
      // It may have gone in mid-visit: past the deadline the jar is free.
      await stage.jump(60_000);
      const next = await stage.open();
      await hasStatus(next, "signed-out");
      expect(await signInTo(next, "bob")).toBe("ok");
      expect(kindsOf(stage).join()).toBe("login,logout,login");
      expect(await userOf(next)).toBe("bob");
    });

    it("a cookie that is there after a sign-out is found by signIn() alone [P4]", async () => {
      const stage = await setUp();
      const page = await stage.open();
      await signInTo(page, "alice");
      await signOutOf(page);
      await expect.poll(() => cookieIn(stage)).toBeUndefined();
      await stage.signInOutside("bob");
      const next = await stage.open();
      await hasStatus(next, "signed-out");
      expect(await userOf(next)).toBe("no_session");
      expect(await signInTo(next)).toBe("ok");
      expect(await userOf(next)).toBe("bob");
    });

    it("third-party cookies that the browser keeps out are told as what they are", async () => {
      // To the page's site the API's is another, and `SameSite=Lax` keeps its cookie out.
      const stage = await setUp({ pageHost: "127.0.0.1" });
      const page = await stage.open();
      expect(await signInTo(page, "alice")).toBe("ok");
      expect(await cookieIn(stage)).toBeUndefined();
      await stage.jump(HOUR);
      expect(await userOf(page)).toBe("sign_in_required third_party_cookies_blocked");
    });

    it("double submit: a cookie that script can read goes along in a header", async () => {
      const stage = await setUp({ csrf: "cookie" });
      const page = await stage.open({ csrf: { header: "X-CSRF", cookie: "XSRF-TOKEN" } });
      await signInTo(page, "alice");
      await stage.jump(HOUR);
      expect(await userOf(page)).toBe("alice");
      await signOutOf(page);
      await expect.poll(() => stage.api.users()).toEqual([]);
      // Nobody knows the value before the first sign-in, and no cookie is there then.
      expect(stage.api.calls.map(({ status }) => status).slice(1)).not.toContain(403);
    });
  });
}
