/** The demo: what its visitor sees of each API, with the API's own counters as the verdict. */
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import { apis } from "../../demo/app/apis.ts";
import {
  button,
  count,
  figure,
  go,
  logOf,
  press,
  signIn,
  strict,
  useDemo,
  visit,
  workerOff,
} from "./demo-visit.ts";

useDemo();

describe("five tabs, fifty requests each", () => {
  it("one refresh, in five real tabs [P1 P2]", async () => {
    const { context, page } = await visit("?api=vmcloud");
    await signIn(page);
    for (let tabs = 1; tabs < 5; tabs++) {
      const opened = context.waitForEvent("page");
      await press(page, "Open another");
      await button(await opened, "Sign out").waitFor();
    }
    const { next } = await logOf("vmcloud");
    expect(await press(page, "Show me")).toContain("5 tabs sent 250 requests");
    expect(page.frames()).toHaveLength(1);

    const { entries } = await logOf("vmcloud", next);
    expect(count(entries, ({ first }) => first)).toBe(250);
    expect(count(entries, ({ kind }) => kind === "refresh")).toBe(1);
    const answered = count(entries, ({ kind, status }) => kind === "request" && status === 200);
    expect(answered).toBe(250);
    expect(await figure(page, "requests")).toBe(250);
    expect(await figure(page, "refreshes")).toBe(1);
    // Every tab draws the same picture, and in the end all are signed out by one.
    for (const tab of context.pages()) {
      await tab.locator("#lanes .refreshed").waitFor();
      expect(await tab.locator("#lanes li:not(.empty, .owner)").count()).toBe(5);
    }
    await button(page, "Sign out").click();
    for (const tab of context.pages()) await button(tab, "Sign in").waitFor();
  });
});

describe("each API, from the sign-in to a 401", () => {
  for (const { id, renewal } of apis.filter(({ life }) => life)) {
    it(`${id}: a 401 is healed [P12]`, async () => {
      const { page } = await visit(`?api=${id}`);
      expect(await page.locator("#refreshes-label").textContent()).toBe(renewal[1]);
      expect(await page.locator("#legend-renewal").textContent()).toBe(renewal[0]);
      await signIn(page);
      expect(await press(page, "Expire now")).toContain("no tab knows");
      const said = await press(page, "Send one");
      expect(said).toContain("1 request. It was refused once, with 401.");
      expect(said).toContain("In the end it was answered");
      expect(await figure(page, "healed")).toBe(1);
      expect(await figure(page, "refreshes")).toBe(1);
      expect(await page.locator("#refreshes-label").textContent()).toBe(renewal[0]);
      await page.getByText(/Token 2 of this session/).waitFor();
    });
  }

  for (const { id } of apis.filter(({ life }) => !life)) {
    it(`${id}: the 401 comes back once, and the page asks for another token [P11]`, async () => {
      const { page } = await visit(`?api=${id}`);
      await signIn(page);
      const { next } = await logOf(id);
      expect(await press(page, "Revoke it")).toContain("1 came back with 401");
      const { entries } = await logOf(id, next);
      expect(count(entries, ({ kind }) => kind === "request")).toBe(1);
      await page.getByText("put in another token").waitFor();
      await signIn(page);
      expect(await press(page, "Send one")).toContain("In the end it was answered");
    });
  }

  it("the same by wretch", async () => {
    const { page } = await visit("?api=vmcloud");
    await signIn(page);
    await press(page, "Expire now");
    expect(await press(page, "One by wretch")).toContain("In the end it was answered");
    expect(await figure(page, "healed")).toBe(1);
  });

  it("what is sent while a picture is being made is part of it, and is counted with it", async () => {
    const { page } = await visit("?api=vmcloud");
    await signIn(page);
    const met = press(page, "503");
    await page.locator("#stage[data-live]").waitFor();
    await press(page, "Send one");
    expect(await met).toContain("sent 11 requests.");
    expect(await figure(page, "requests")).toBe(11);
    await button(page, "503").click();
    await page.locator("#stage[data-live]").waitFor();
    // A second picture would count the first one's requests.
    await button(page, "429").click();
    await page.getByText("Another picture is being made").waitFor();
    await page.locator("#stage:not([data-live])").waitFor();
    expect(await page.locator("#summary").textContent()).toContain("sent 10 requests.");
  });

  it("a good webhook is taken, a forged one refused [S13]", async () => {
    const { page } = await visit("?api=vmcloud");
    expect(await press(page, "Good")).toContain("Verified");
    expect(await press(page, "Forged")).toContain("Refused: signature_mismatch");
    // It belongs to its button, and not to the picture of something earlier.
    expect(await page.locator("#summary").textContent()).not.toContain("Refused");
  });

  it("a session that is revoked asks for a sign-in [P9]", async () => {
    const { page } = await visit("?api=vmcloud");
    await signIn(page);
    expect(await press(page, "Revoke it")).toContain("sign_in_required");
    await page.getByText("The session has ended").waitFor();
    await page.getByText("Sign-in required").waitFor();
    await signIn(page);
  });

  it("a wrong password reads as the typed error does", async () => {
    const { page } = await visit("?api=vmcloud");
    await page.getByLabel("Password").fill("incorrect horse");
    await button(page, "Sign in").click();
    await page.getByText("credentials_refused").waitFor();
  });

  it("two accounts at once, in two tabs [S11]", async () => {
    const { context, page } = await visit("?api=vmcloud");
    await signIn(page);
    const other = await context.newPage();
    await go(other, "?api=vmcloud&account=grace");
    await signIn(other);
    await other.getByText("user:grace@example.com").waitFor();
    await button(other, "Sign out").click();
    await button(other, "Sign in").waitFor();
    await page.bringToFront();
    expect(await press(page, "Send one")).toContain("it was answered");
  });
});

describe("what goes wrong", () => {
  it("a refresh that meets 503, 429 or no reply: all requests are answered [P17]", async () => {
    const { page } = await visit("?api=vmcloud");
    for (const [name, met] of [
      ["503", "met 503"],
      ["429", "met 429"],
      ["Never", "met no reply"],
    ] as const) {
      // Nothing heals a lost reply where rotation is strict.
      await strict(page, name !== "Never");
      const said = await press(page, name);
      expect(said).toContain(`The worker's refresh ${met}`);
      expect(said).toContain("all were answered");
      expect(await figure(page, "refreshes")).toBe(2);
    }
  });

  it("a reply that is lost, strict rotation: the page says why the session has ended [P9]", async () => {
    const { page } = await visit("?api=vmcloud");
    const said = await press(page, "Never");
    expect(said).toContain("The worker's refresh met no reply. The API refused the next one");
    expect(said).toContain("10 ended with sign_in_required");
    expect(said).not.toContain("the session stayed");
  });

  it("offline: requests fail as fetch's do, and the session is kept [F13]", async () => {
    const { page } = await visit("?api=vmcloud");
    await signIn(page);
    await page.getByLabel("Offline").check();
    expect(await press(page, "Send one")).toContain("no reply");
    await page.getByText("The session is kept").waitFor();
    await page.getByLabel("Offline").uncheck();
    expect(await press(page, "Send one")).toContain("it was answered");
    await page.getByText("Signed in", { exact: true }).waitFor();
  });

  it("without a network the page does not blame the demo's server [F13]", async () => {
    const { context, page } = await visit("?api=vmcloud");
    const failed = page.waitForEvent("requestfailed", (one) => one.url().includes("/log?"));
    await context.setOffline(true);
    await page.getByText("You are offline").waitFor();
    await failed;
    // What the failure has brought about is done when the next one begins.
    await page.waitForEvent("requestfailed", (one) => one.url().includes("/log?"));
    expect(await page.locator("#down").isVisible()).toBe(false);
  });

  it("offline: signs out, and a sign-in waits for the network [S14]", async () => {
    const { page } = await visit("?api=vmcloud");
    await signIn(page);
    await page.getByLabel("Offline").check();
    await button(page, "Sign out").click();
    await page.locator("#summary", { hasText: "Signed out" }).waitFor();
    await page.getByText("A sign-in needs the network").waitFor();
    expect(await page.getByText("The session is kept").count()).toBe(0);
    await page.locator("#fields input").last().fill("correct horse");
    await button(page, "Sign in").click();
    await page.getByText("sign_in_failed").waitFor();
    await page.getByLabel("Offline").uncheck();
    await signIn(page);
    // What was said of the last session has gone with it.
    expect(await page.locator("#summary").textContent()).not.toContain("Signed out");
  });

  it("offline: a tab that is opened then is so too, and says it; a reload begins anew [F13]", async () => {
    const { context, page } = await visit("?api=vmcloud");
    await signIn(page);
    await page.getByLabel("Offline").check();
    const opening = context.waitForEvent("page");
    await button(page, "Open another").click();
    const other = await opening;
    await other.locator("#offline").waitFor();
    await expect.poll(() => other.locator("#offline").isChecked()).toBe(true);
    expect(new URL(other.url()).searchParams.has("offline")).toBe(false);
    await page.getByLabel("Offline").uncheck();
    await other.reload();
    await expect.poll(() => other.locator("#offline").isChecked()).toBe(false);
    await other.bringToFront();
    expect(await press(other, "Send one")).toContain("it was answered");
  });

  it("the worker is offline with its tabs: it does not refresh before the network is back [F13 F12]", async () => {
    const { context, page } = await visit("?api=vmcloud");
    page.setDefaultTimeout(60_000);
    await signIn(page);
    const other = await context.newPage();
    await go(other, "?api=vmcloud");
    await page.bringToFront();
    await page.locator("#offline").check();
    // Another tab of the same worker.
    await expect.poll(() => other.locator("#offline").isChecked()).toBe(true);
    const { next } = await logOf("vmcloud");
    await page.locator("#ring[data-phase=ended]").waitFor();
    expect((await logOf("vmcloud", next)).entries).toEqual([]);
    await page.locator("#offline").uncheck();
    await page.getByText(/Token 2 of this session/).waitFor();
    expect(await press(page, "Send one")).toContain("it was answered");
    const { entries } = await logOf("vmcloud", next);
    expect(count(entries, ({ kind }) => kind === "refresh")).toBe(1);
  });
});

describe("the tab that asked is closed in the middle of a refresh", () => {
  const close = (page: Page): Promise<string> => press(page, "Close the tab that asked");

  /** The page, its frames but the one that went, and a session. */
  async function goesOn(page: Page): Promise<void> {
    await page.locator("#lanes li.empty").first().waitFor();
    expect(page.frames()).toHaveLength(4);
    await page.getByText("Signed in", { exact: true }).waitFor();
  }

  it("a worker refreshes, strict rotation: the others go on, one token call [F39 P2]", async () => {
    const { page } = await visit("?api=vmcloud");
    const { next } = await logOf("vmcloud");
    const said = await close(page);
    expect(said).toContain("Tab 2 was closed in the middle of the refresh that it had asked for");
    expect(said).toContain("The worker made one refresh for all. 40 were answered.");
    await goesOn(page);
    const { entries } = await logOf("vmcloud", next);
    expect(count(entries, ({ kind }) => kind === "refresh")).toBe(1);
    // The owner is in the picture, below the tabs, and in its rows.
    await page.locator("#lanes li.owner.refreshed:last-child").waitFor();
    expect(await page.locator("#picture .ground.owner").count()).toBe(1);
    await page.getByText("The picture as a table").click();
    expect(await page.getByRole("row", { name: "Worker – – 1 –" }).count()).toBe(1);
    expect(await page.getByRole("row", { name: /^Tab 2 1 1 0/ }).count()).toBe(1);
  });

  it("each tab by itself, strict rotation: all the others lose the session [F39 P9]", async () => {
    const { page } = await visit("?api=vmcloud");
    page.setDefaultTimeout(60_000);
    await workerOff(page);
    const { next } = await logOf("vmcloud");
    const closing = close(page);
    // What looks like a page that hangs says what it waits for, and for how long.
    await page.locator("#summary", { hasText: /The others wait, [1-9] s so far/ }).waitFor();
    expect(await closing).toContain("Tab 2 was closed in the middle of a refresh.");
    await page.getByText("Sign-in required").waitFor();
    const { entries } = await logOf("vmcloud", next);
    const refreshes = entries.filter(({ kind }) => kind === "refresh");
    expect(refreshes.map(({ status }) => status)).toEqual([200, 401]);
    expect(await page.locator("#lanes .owner, #picture .owner").count()).toBe(0);
    await expect.poll(() => page.locator("#lanes li", { hasText: "must sign in" }).count()).toBe(4);
  });

  it("each tab by itself, with a reuse window: the others go on, by a second call [F39]", async () => {
    const { page } = await visit("?api=vmcloud");
    await strict(page, false);
    await workerOff(page);
    const said = await close(page);
    expect(said).toContain("Tab 2 was closed in the middle of a refresh.");
    expect(said).toContain("40 were answered");
    expect(await figure(page, "refreshes")).toBe(2);
    await goesOn(page);
  });

  it("where there is no SharedWorker each tab refreshes by itself, and one does for all [P1]", async () => {
    const { context, page } = await visit("?api=vmcloud");
    await context.addInitScript("delete globalThis.SharedWorker");
    await page.reload();
    const said = await press(page, "Show me");
    expect(said).toMatch(/Tab \d made one refresh for all\. In the end all were answered/);
    expect(await figure(page, "refreshes")).toBe(1);
    expect(await page.locator("#lanes .owner").count()).toBe(0);
  });
});
