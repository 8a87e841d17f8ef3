/** The demo's card “Through a Worker”: real workerd behind the page, its API's log as the verdict. */
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import { type ApiId, apis } from "../../demo/app/apis.ts";
import type { LogEntry } from "../../demo/backstage/api-log.ts";
import { address, button, count, logOf, useDemo, visit } from "./demo-visit.ts";

useDemo("modules");

/** A Worker has no cookie jar, and no page to log in at. */
const callable = apis.filter(({ jar, login }) => !jar && !login);

const go = "Two hundred visitors";

const text = (page: Page, id: string): Promise<string | null> =>
  page.locator(`#edge-${id}`).textContent();

/** By the keyboard, as it may be. Resolves when it is over, however short it was. */
async function send(page: Page): Promise<void> {
  const over = await button(page, go).evaluateHandle((element) => {
    const promise = new Promise<void>((resolve) => {
      const look = (): void => void (element.ariaDisabled === null && resolve());
      new MutationObserver(look).observe(element, { attributeFilter: ["aria-disabled"] });
    });
    return { promise };
  });
  await button(page, go).press("Enter");
  await over.evaluate(({ promise }) => promise);
}

/** What the next call for a token will meet; where there is none, the next request. */
async function fault(api: string, kind: string): Promise<void> {
  const url = address(`backstage/edge-${api}/fault?kind=${kind}`);
  expect((await fetch(url, { method: "POST" })).status).toBe(200);
}

const requests = (entries: readonly LogEntry[], status: number): number =>
  count(entries, (one) => one.kind === "request" && one.status === status);

/** What a crowd's end of a token brings, by the API's own log: sign-ins, and calls for a token. */
const tokenCalls: Partial<Record<ApiId, readonly number[]>> = {
  vmcloud: [1, 1],
  // It does not tell a sign-in from a renewal.
  artos: [0, 2],
};
const renewal: Partial<Record<ApiId, string>> = { vmcloud: "refresh", artos: "new token" };

describe("two hundred visitors through the Worker meet an ended token", () => {
  for (const { id, calls } of callable.filter(({ life }) => life !== undefined))
    it(`${id}: ${calls ? "one call for a token" : "one new JWT"}, and all are answered [P1 P2]`, async () => {
      const { page } = await visit(`?api=${id}`);
      await page.getByText("No visitor has come yet").waitFor();
      const { next } = await logOf(`edge-${id}`);
      await send(page);
      expect(await text(page, "trouble")).toBe("");

      const { entries } = await logOf(`edge-${id}`, next);
      const kinds = ["sign-in", "refresh"].map((name) =>
        count(entries, ({ kind }) => kind === name),
      );
      expect(kinds).toEqual(tokenCalls[id] ?? [0, 0]);
      // The first visitor's, and the crowd's.
      expect(count(entries, ({ isNew }) => isNew)).toBe(2);
      expect(requests(entries, 200)).toBe(1 + 200);
      const refused = requests(entries, 401);
      expect(refused).toBeGreaterThan(0);
      expect(count(entries, ({ kind }) => kind === "request")).toBe(1 + 200 + refused);

      expect(await text(page, "answered")).toBe("200");
      expect(await text(page, "refused")).toBe(String(refused));
      expect(await text(page, "renewals")).toBe("1");
      expect(await page.locator("#edge-dots .answered").count()).toBe(200);
      const one = renewal[id] ?? "new JWT";
      expect(await text(page, "renewals-label")).toBe(one);
      expect(await text(page, "status")).toBe(
        `200 visitors were answered. ${refused} of their requests met the ended token, and the API counted one ${one} for all.`,
      );
      // The other card counts what its own API saw.
      expect(await page.locator("#refreshes").textContent()).toBe("0");
    });

  for (const { id } of callable.filter(({ life }) => life === undefined))
    it(`${id}: nothing renews it, and each gets the API's own 401, once [P11]`, async () => {
      const { page } = await visit(`?api=${id}`);
      const { next } = await logOf(`edge-${id}`);
      await send(page);
      expect(await text(page, "trouble")).toBe("");

      const { entries } = await logOf(`edge-${id}`, next);
      expect(requests(entries, 200)).toBe(1);
      expect(requests(entries, 401)).toBe(200);
      expect(count(entries, ({ kind }) => kind !== "act")).toBe(201);
      expect(await text(page, "answered")).toBe("0");
      expect(await text(page, "refused")).toBe("200");
      expect(await text(page, "renewals")).toBe("0");
      expect(await page.locator("#edge-dots .refused").count()).toBe(200);
      expect(await text(page, "status")).toBe(
        "200 visitors got the API's own 401, and the API counted 200: nothing was sent twice. Only another token helps, in the Worker's secrets.",
      );
    });
});

describe("trouble", () => {
  it("a refresh that meets 503 is tried again: all are answered [P17]", async () => {
    const { page } = await visit("?api=vmcloud");
    await page.route("**/backstage/edge-vmcloud/visitors?*", async (route) => {
      await fault("vmcloud", "503");
      await route.continue();
    });
    await send(page);
    expect(await text(page, "trouble")).toBe("");
    expect(await text(page, "status")).toMatch(/^200 visitors were answered.* 2 refreshes for all/);
  });

  it("says so when it is offline, and when the server does not answer, and works again", async () => {
    const { context, page } = await visit("?api=simplismart");
    const trouble = page.locator("#edge-trouble");
    await context.setOffline(true);
    await button(page, go).click();
    await trouble.getByText("You are offline").waitFor();
    await context.setOffline(false);

    await page.route("**/backstage/edge-*/expire*", (route) => route.abort());
    await button(page, go).click();
    await trouble.getByText("The demo's server does not answer").waitFor();
    await page.unroute("**/backstage/edge-*/expire*");

    await send(page);
    expect(await text(page, "status")).toMatch(/^200 visitors/);
    expect(await trouble.isHidden()).toBe(true);
  });

  it("goes by the page's own switch, too: nobody is sent", async () => {
    const { page } = await visit("?api=qovery");
    const { next } = await logOf("edge-qovery");
    await page.getByRole("checkbox", { name: "Offline" }).check();
    await button(page, go).click();
    await page.locator("#edge-trouble").getByText("You are offline").waitFor();
    expect((await logOf("edge-qovery", next)).entries).toEqual([]);
    await page.getByRole("checkbox", { name: "Offline" }).uncheck();
    await page.locator("#edge-trouble").waitFor({ state: "hidden" });
    await send(page);
    expect(await text(page, "status")).toMatch(/^200 visitors/);
  });

  it("says what the first visitor got, of the API or of the Worker", async () => {
    const { page } = await visit("?api=clary");
    await fault("clary", "503");
    await send(page);
    expect(await text(page, "trouble")).toBe("The first visitor got 503. Try it again.");
    expect(await text(page, "status")).toBe("");

    // The Worker's sign-in fails.
    const { page: other } = await visit("?api=artos");
    await fault("artos", "503");
    await send(other);
    expect(await text(other, "trouble")).toMatch(/^The first visitor got 502\..* Try it again\.$/);
    await send(other);
    expect(await text(other, "status")).toMatch(/^200 visitors were answered/);
  });

  it("says what some of the crowd got", async () => {
    const { page } = await visit("?api=vmcloud");
    await page.route("**/backstage/edge-vmcloud/visitors?*", (route) =>
      route.fulfill({ json: { statuses: { 200: 197, 502: 2, 0: 1 }, took: 1_000 } }),
    );
    await send(page);
    expect(await text(page, "trouble")).toMatch(
      /^Of 200 visitors, 1 got no reply, 2 got 502\..* Try it again\.$/,
    );
  });
});

it("keeps the Worker's secrets from the page [S4]", async () => {
  for (const { id } of callable) {
    expect((await fetch(address(`backstage/${id}/credentials`))).status).toBe(200);
    expect((await fetch(address(`backstage/edge-${id}/credentials`))).status).toBe(404);
  }
});

it("shows the Worker's own lines, and those of the page's API", async () => {
  for (const [id, own, foreign] of [
    ["vmcloud", "env.VMCLOUD_PASSWORD", "ARTOS"],
    ["clary", "clary({ baseURL: env.CLARY_URL, env })", "claryJwt"],
  ] as const) {
    const { page } = await visit(`?api=${id}`);
    const code = (await text(page, "code")) ?? "";
    expect(code).toMatch(/^export const TokenVault = defineTokenVault/m);
    expect(code).toContain("vault.fetch(");
    expect(code).toContain(own);
    expect(code).not.toContain(foreign);
    expect(code).not.toMatch(/refresh_?token/i);
    // It may be longer than its box: the keyboard scrolls it.
    await page.getByRole("region", { name: "The Worker's code" }).focus();
  }
});
