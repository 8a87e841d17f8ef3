/** The demo's card “Through a Worker”: real workerd behind the page, its API's log as the verdict. */
import { describe, expect, it } from "vitest";
import { button, count, logOf, useDemo, visit } from "./demo-stage.ts";

useDemo();

const go = "Two hundred visitors";

describe("two hundred visitors through the Worker", () => {
  it("P1 P2 all meet an ended token: one refresh, and all are answered", async () => {
    const { page } = await visit("?api=vmcloud");
    await page.getByText("No visitor has come yet").waitFor();
    const { next } = await logOf("edge");
    // By the keyboard, as it may be.
    await button(page, go).press("Enter");
    await page.locator("#edge-go[aria-disabled=true]").waitFor();
    await page.locator("#edge-go:not([aria-disabled=true])").waitFor();
    expect(await page.locator("#edge-trouble").isHidden()).toBe(true);

    const { entries } = await logOf("edge", next);
    const requests = (status: number): number =>
      count(entries, (one) => one.kind === "request" && one.status === status);
    expect(count(entries, ({ kind }) => kind === "sign-in")).toBe(1);
    expect(count(entries, ({ kind }) => kind === "refresh")).toBe(1);
    // The first visitor's, and the crowd's.
    expect(requests(200)).toBe(1 + 200);
    const refused = requests(401);
    expect(refused).toBeGreaterThan(1);
    expect(await page.locator("#edge-answered").textContent()).toBe("200");
    expect(await page.locator("#edge-refused").textContent()).toBe(String(refused));
    expect(await page.locator("#edge-refreshes").textContent()).toBe("1");
    expect(await page.locator("#edge-dots .answered").count()).toBe(200);
    expect(await page.locator("#edge-status").textContent()).toBe(
      `200 visitors were answered. ${refused} of their requests met the ended token, and the API counted one refresh for all.`,
    );
    // The other card counts what its own API saw.
    expect(await page.locator("#refreshes").textContent()).toBe("0");
  });

  it("P17 a refresh that meets 503 is tried again: all are answered", async () => {
    const { page } = await visit("?api=vmcloud");
    await page.route("**/backstage/edge/visitors?*", async (route) => {
      const url = new URL("/backstage/edge/fault?kind=503", route.request().url());
      await fetch(url, { method: "POST" });
      await route.continue();
    });
    await button(page, go).click();
    await page.getByText("200 visitors were answered").waitFor();
    expect(await page.locator("#edge-refreshes").textContent()).toBe("2");
  });

  it("says so when it is offline, or the server does not answer, and works again", async () => {
    const { context, page } = await visit("?api=vmcloud");
    const trouble = page.locator("#edge-trouble");
    await context.setOffline(true);
    await button(page, go).click();
    await trouble.getByText("You are offline").waitFor();
    await context.setOffline(false);

    await page.route("**/backstage/edge/visitors?*", (route) =>
      route.fulfill({ json: { statuses: { 200: 198, 500: 2 }, took: 1_000 } }),
    );
    await button(page, go).click();
    await trouble.getByText("Of 200 visitors, 2 got 500").waitFor();
    await page.unroute("**/backstage/edge/visitors?*");
    await page.route("**/backstage/edge/expire*", (route) => route.abort());
    await button(page, go).click();
    await trouble.getByText("The demo's server does not answer").waitFor();
    await page.unroute("**/backstage/edge/expire*");

    await button(page, go).click();
    await page.getByText("200 visitors were answered").waitFor();
    expect(await trouble.isHidden()).toBe(true);
  });

  it("shows the Worker's own lines, without a refresh token", async () => {
    const { page } = await visit("?api=artos");
    await button(page, go).focus();
    const code = (await page.locator("#code").textContent()) ?? "";
    expect(code).toMatch(/^export const TokenVault = defineTokenVault/);
    expect(code).toContain("vault.fetch(");
    expect(code).not.toMatch(/refresh_?token/i);
  });
});
