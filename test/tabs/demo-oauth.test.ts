/** The demo's OAuth server: its login page in a real browser, there and back. */
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import type { LogEntry } from "../../demo/backstage/api-log.ts";
import { button, count, go, logIn, logOf, press, useDemo, visit, workerOff } from "./demo-visit.ts";

useDemo();

const QUERY = "?api=oauth";

const serverOf = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const { textContent } = document.getElementById("apis")!;
    return (JSON.parse(textContent!) as { oauth: { url: string } }).oauth.url;
  });

/** Leaves for the login page. */
async function leave(page: Page): Promise<void> {
  await button(page, "Log in at Acme").click();
  await page.getByRole("heading", { name: "Log in to Acme" }).waitFor();
}

describe("a login at the OAuth server's own page", () => {
  it("comes back to where it was, without a code in the address or the history", async () => {
    const { page } = await visit(`${QUERY}#try-title`);
    const before = page.url();
    await logIn(page);
    await page.getByText("Back from the login page, and signed in").waitFor();
    expect(page.url()).toBe(before);
    // Where there is room the claims stand open.
    await page.getByText("ada@acme.example").waitFor();
    // What is asked again has no code either.
    await page.reload();
    await button(page, "Sign out").waitFor();
    expect(page.url()).toBe(before);
  });

  it("that the user denies says so, and nobody is signed in", async () => {
    const { page } = await visit(QUERY);
    await leave(page);
    await button(page, "No, go back").click();
    await page.getByText("The login page says no: You have said no (access_denied)").waitFor();
    await button(page, "Log in at Acme").waitFor();
    expect(await page.locator("#status").textContent()).toBe("Signed out");
  });

  it("asks again for a wrong password, and lets nobody through", async () => {
    const { page } = await visit(QUERY);
    await leave(page);
    await page.getByLabel("Password").fill("wrong");
    await button(page, "Log in").click();
    await page.getByRole("alert").getByText("not right").waitFor();
    await button(page, "Log in").click();
    await button(page, "Sign out").waitFor();
  });

  it("with a server that cannot be reached stays on the page, and says what to do", async () => {
    const { context, page } = await visit(QUERY);
    await context.route(`${await serverOf(page)}/**`, (route) => route.abort());
    await button(page, "Log in at Acme").click();
    await page.getByText("no connection. Try again").waitFor();
    await context.unroute(`${await serverOf(page)}/**`);
    await logIn(page);
  });

  it("before it, no button signs in by itself", async () => {
    const { page } = await visit(QUERY);
    expect(await press(page, "Show me")).toContain("Log in first");
  });

  it("is told nobody else: the page that it sends back to has to be the demo's", async () => {
    const { page } = await visit(QUERY);
    const query = new URLSearchParams({
      client_id: "demo",
      response_type: "code",
      code_challenge: "x",
      code_challenge_method: "S256",
    });
    for (const [redirect, status] of [
      [page.url(), 200],
      ["https://evil.test/", 400],
      ["", 400],
    ] as const) {
      query.set("redirect_uri", redirect);
      expect((await fetch(`${await serverOf(page)}/authorize?${query}`)).status).toBe(status);
    }
  });

  it("two accounts log in beside each other, and each has its own session [S11]", async () => {
    const { context, page } = await visit(QUERY);
    await logIn(page);
    const other = await context.newPage();
    await go(other, `${QUERY}&account=grace`);
    await logIn(other);
    await other.getByText("grace@acme.example").waitFor();
    await button(other, "Sign out").click();
    await button(other, "Log in at Acme").waitFor();
    await page.bringToFront();
    expect(await press(page, "Send one")).toContain("In the end it was answered");
  });

  it("can be used by the keyboard alone, 360 px wide, light and dark", async () => {
    const { page } = await visit(QUERY, { viewport: { width: 360, height: 640 } });
    const grounds: string[] = [];
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await leave(page);
      const { overflow, ground } = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return {
          overflow: scrollWidth - clientWidth,
          ground: getComputedStyle(document.body).color,
        };
      });
      expect(overflow).toBeLessThanOrEqual(0);
      grounds.push(ground);
      await page.keyboard.press("Tab");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await button(page, "Sign out").waitFor();
      await button(page, "Sign out").click();
      await button(page, "Log in at Acme").waitFor();
    }
    expect(new Set(grounds).size).toBe(2);
  });
});

const generationOf = async (page: Page): Promise<number> =>
  Number(await page.locator("#generation").textContent());

describe.each(["with the worker", "without a worker"])("ten tabs %s", (how) => {
  it("one logs in, all are signed in, and no refresh token is spent twice [P1 P2]", async () => {
    const { context, page } = await visit(QUERY);
    if (how === "without a worker") await workerOff(page);
    const { next } = await logOf("oauth");
    await logIn(page);
    const first = await generationOf(page);
    for (let more = 1; more < 10; more++) {
      const tab = await context.newPage();
      await go(tab, QUERY);
      await button(tab, "Sign out").waitFor();
    }
    await page.bringToFront();
    await button(page, "Expire now").click();
    await Promise.all(context.pages().map((tab) => button(tab, "Send one").click()));
    const seen = async (is: (entry: LogEntry) => boolean): Promise<number> =>
      count((await logOf("oauth", next)).entries, is);
    const answered = () => seen(({ kind, status }) => kind === "request" && status === 200);
    await expect.poll(answered, { timeout: 60_000 }).toBe(10);
    // Its rotation is strict: a token that came twice would have ended the session for all.
    for (const tab of context.pages())
      expect(await tab.locator("#status").textContent()).toBe("Signed in");
    const refreshes = () => seen(({ kind }) => kind === "refresh");
    expect(await refreshes()).toBeGreaterThan(0);
    // Each brought a new token, and none was for nothing; one more may come at any time.
    const lost = async (): Promise<number> =>
      (await refreshes()) + first - (await generationOf(page));
    await expect.poll(lost, { timeout: 60_000 }).toBe(0);
  });
});
