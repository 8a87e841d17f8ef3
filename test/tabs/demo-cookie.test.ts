/** The demo's API with a refresh cookie: real cookies, the page and the API on two origins of one site. */
import type { BrowserContext, Cookie, Page } from "playwright";
import { expect, describe, it } from "vitest";
import {
  address,
  button,
  count,
  go,
  logOf,
  press,
  signIn,
  useDemo,
  visit,
  workerOff,
} from "./demo-visit.ts";

useDemo();

const QUERY = "?api=cookie";

/** The refresh token's cookie, if there is one. */
const cookieOf = async (context: BrowserContext): Promise<Cookie | undefined> =>
  (await context.cookies()).find(({ name }) => name === "refresh");

const refreshes = async (since: number): Promise<number> => {
  const { entries } = await logOf("cookie", since);
  return count(entries, ({ kind }) => kind === "refresh");
};

const isSignedIn = (page: Page): Promise<void> => button(page, "Sign out").waitFor();

describe("a refresh token in a cookie", () => {
  it("no script sees it, and no other server of this machine gets it", async () => {
    const { context, page } = await visit(QUERY);
    const asked: Promise<string | null>[] = [];
    context.on("request", (one) => asked.push(one.headerValue("cookie").catch(() => null)));
    await signIn(page);
    const cookie = await cookieOf(context);
    expect(cookie).toMatchObject({ httpOnly: true, path: "/auth", sameSite: "Strict" });
    await page.reload();
    await isSignedIn(page);
    expect((await Promise.all(asked)).join()).not.toContain(cookie!.value);
    expect(await page.evaluate(() => document.cookie)).not.toContain(cookie!.value);
  });

  it("only the demo's own page may send it: its origin is named, and no wildcard", async () => {
    const { page } = await visit(QUERY);
    const api = await page.evaluate(() => {
      const { textContent } = document.getElementById("apis")!;
      return (JSON.parse(textContent!) as { cookie: { url: string } }).cookie.url;
    });
    const own = new URL(address()).origin;
    for (const [origin, allowed] of [
      [own, own],
      ["http://127.0.0.1:1", null],
    ] as const) {
      const { headers } = await fetch(`${api}/auth/refresh`, {
        method: "OPTIONS",
        headers: { origin },
      });
      expect(headers.get("access-control-allow-origin")).toBe(allowed);
      expect(headers.get("access-control-allow-credentials")).toBe(allowed && "true");
    }
  });

  it("two tabs that have nothing but the cookie are signed in by one refresh, and a sign-out ends it", async () => {
    const before = await visit(QUERY);
    await workerOff(before.page);
    await signIn(before.page);
    // Its database is lost: what is kept besides is the cookie, and the choice to go without a worker.
    const { cookies, origins } = await before.context.storageState();
    // It would renew its token in a while, by the cookie that the others then have spent.
    await before.context.close();
    const { next } = await logOf("cookie");
    const { context, page } = await visit("?api=qovery", { storageState: { cookies, origins } });
    const other = await context.newPage();
    await Promise.all([go(page, QUERY), go(other, QUERY)]);
    await Promise.all([isSignedIn(page), isSignedIn(other)]);
    expect(await refreshes(next)).toBe(1);

    await page.bringToFront();
    await button(page, "Sign out").click();
    await button(other, "Sign in").waitFor();
    await expect.poll(() => cookieOf(context)).toBe(undefined);
    await page.reload();
    await button(page, "Sign in").waitFor();
    expect(await refreshes(next)).toBe(1);
  });

  it("five tabs without a worker meet an ended token: one refresh [P1 P2]", async () => {
    const { page } = await visit(QUERY);
    await workerOff(page);
    const { next } = await logOf("cookie");
    const said = await press(page, "Show me");
    expect(said).toContain("5 tabs sent 250 requests");
    expect(said).toContain("all were answered");
    // Before the sign-in the page may still be looking for a cookie.
    const { entries } = await logOf("cookie", next);
    const since = entries.findIndex(({ label }) => label === "expire");
    const calls = entries.slice(since).filter(({ kind }) => kind !== "request");
    expect(calls.map(({ kind, status }) => `${kind} ${status}`)).toEqual([
      "act 200",
      "refresh 200",
    ]);
  });

  it("one jar, one account: the second is refused, and signs in when the first has left", async () => {
    const { context, page } = await visit(QUERY);
    await page.getByText("One browser has one cookie jar").waitFor();
    await signIn(page);
    const other = await context.newPage();
    await go(other, `${QUERY}&account=grace`);
    await other.locator("#fields input").last().fill("what is in the box is not sent");
    await button(other, "Sign in").click();
    await other.getByText("another account's session has it").waitFor();
    await page.bringToFront();
    await button(page, "Sign out").click();
    await button(page, "Sign in").waitFor();
    await go(other, `${QUERY}&account=grace`);
    await signIn(other);
    await other.getByText("grace@example.com").waitFor();
  });

  it("where no Worker can call it, the page says so and offers none", async () => {
    const { page } = await visit(QUERY);
    await page.getByText("a Cloudflare Worker has no cookie jar").waitFor();
    expect(await button(page, "Two hundred visitors").isVisible()).toBe(false);
    expect(await page.locator("#edge-lines").isVisible()).toBe(false);
    await go(page, "?api=vmcloud");
    expect(await button(page, "Two hundred visitors").isVisible()).toBe(true);
    expect(await page.locator("#jar, #edge-none").filter({ visible: true }).count()).toBe(0);
  });
});
