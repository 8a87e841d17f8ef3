/** The demo's page itself: what it keeps to itself, and whom it is there for. */
import type { BrowserContext, Page } from "playwright";
import { describe, expect, it } from "vitest";
import { apis } from "../../demo/app/apis.ts";
import { button, figure, go, press, signIn, useDemo, visit } from "./demo-stage.ts";

useDemo();

/** Every secret that goes over the wire, as this context's traffic shows it. */
function secretsOf(context: BrowserContext): Set<string> {
  const secrets = new Set<string>();
  const names = /^(token|access_token|refresh_token|user_id|userId|apiKey|password)$/;
  const collect = (text: string | null): void => {
    try {
      for (const [name, value] of Object.entries(JSON.parse(text ?? "") as object))
        if (names.test(name)) secrets.add(String(value));
    } catch {
      // No JSON, no secret by name.
    }
  };
  context.on("request", (request) => {
    collect(request.postData());
    const [, token] = /^\w+ (.+)$/.exec(request.headers()["authorization"] ?? "") ?? [];
    if (token) secrets.add(token);
  });
  context.on("response", (response) => void response.text().then(collect, () => {}));
  return secrets;
}

/** All that is in the documents, what stands in boxes too. */
async function textsOf(page: Page): Promise<string> {
  const all = await Promise.all(
    page.frames().map((frame) =>
      frame.evaluate(() => {
        const boxes = [...document.querySelectorAll("input")].map(({ value }) => value);
        return [document.documentElement.outerHTML, location.href, ...boxes].join("\n");
      }),
    ),
  );
  return all.join("\n");
}

describe("secrets", () => {
  for (const { id, life } of apis)
    it(`S4 F30 P1 ${id}: ${life ? "one renewal for five frames, and " : ""}no secret in the page or in the demo's channel`, async () => {
      const { context, page } = await visit(`?api=${id}`);
      const secrets = secretsOf(context);
      const hosts = new Set<string>();
      context.on("request", (request) => hosts.add(new URL(request.url()).hostname));
      await page.evaluate(() => {
        const heard: string[] = [];
        Object.assign(window, { heard });
        const channel = new BroadcastChannel("tokenkeep-demo");
        channel.addEventListener("message", ({ data }) => heard.push(JSON.stringify(data)));
      });
      if (life) {
        // Signs in, too.
        const said = await press(page, "Show me");
        expect(said).toContain("5 tabs sent 250 requests");
        expect(said).toContain("all were answered");
        expect(page.frames()).toHaveLength(5);
        expect(await figure(page, "requests")).toBe(250);
        expect(await figure(page, "refreshes")).toBe(1);
      } else {
        await signIn(page);
        expect(await press(page, "Fifty at once")).toContain("nothing to renew");
      }

      const heard = await page.evaluate(() => (window as unknown as { heard: string[] }).heard);
      const texts = (await textsOf(page)) + heard.join("\n");
      expect(heard.length).toBeGreaterThan(3);
      expect(secrets.size).toBeGreaterThan(0);
      for (const secret of secrets) expect(texts).not.toContain(secret);
      // And nothing is asked of any other machine.
      expect([...hosts]).toEqual(["127.0.0.1"]);
    });
});

describe("the code beside the buttons", () => {
  it("is there for every button, and never touches a refresh token", async () => {
    const { page } = await visit("?api=vmcloud");
    const withCode = page.locator("[data-code]");
    const shown = new Set<string>();
    for (const one of await withCode.all()) {
      if (!(await one.isVisible())) continue;
      await one.dispatchEvent("pointerover");
      const code = (await page.locator("#code").textContent()) ?? "";
      expect(code.length).toBeGreaterThan(20);
      expect(code).not.toMatch(/refresh_?token/i);
      shown.add(code);
    }
    expect(shown.size).toBeGreaterThan(8);
  });
});

describe("for everybody", () => {
  it("can be used by the keyboard alone, from the sign-in to a request", async () => {
    const { page } = await visit("?api=vmcloud");
    const focused = (): Promise<string> =>
      page.evaluate(() => {
        const { id, ariaLabel, textContent } = document.activeElement as HTMLElement;
        return id || ariaLabel || textContent;
      });
    const tabTo = async (name: string): Promise<void> => {
      for (let times = 0; times < 60; times++) {
        if ((await focused()) === name) return;
        await page.keyboard.press("Tab");
      }
      throw new Error(`Tab does not lead to ${name}`);
    };
    await tabTo("sign-in-button");
    await page.keyboard.press("Enter");
    await button(page, "Sign out").waitFor();
    // The focus is not lost with the form that had it.
    expect(await focused()).toBe("show-me");
    await tabTo("one");
    await page.keyboard.press("Space");
    await page.locator("#summary", { hasText: "In the end it was answered" }).waitFor();
    expect(await focused()).toBe("one");
    await tabTo("sign-out");
  });

  it("says what the picture shows, in words and rows", async () => {
    const { page } = await visit("?api=vmcloud");
    const said = await press(page, "Show me");
    const picture = page.getByRole("img", { name: said });
    expect(await picture.count()).toBe(1);
    await page.getByText("The picture in rows").click();
    // Five tabs and their worker, below the titles.
    expect(await page.getByRole("row").count()).toBe(7);
    expect(await page.getByRole("row", { name: /^Tab 1 50 50 0/ }).count()).toBe(1);
    expect(await page.getByRole("row", { name: "Worker – – 1 –" }).count()).toBe(1);
    const meter = page.getByRole("meter", { name: "The token's life" });
    expect(await meter.getAttribute("aria-valuetext")).toMatch(/^\d+ seconds left/);
  });

  it("light and dark, and 360 px wide, without a horizontal scroll", async () => {
    const { page } = await visit("", { viewport: { width: 360, height: 720 } });
    const measure = (): Promise<{ overflow: number; ground: string }> =>
      page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        const { backgroundColor } = getComputedStyle(document.documentElement);
        return { overflow: scrollWidth - clientWidth, ground: backgroundColor };
      });
    const grounds: number[] = [];
    for (const [id, colorScheme] of [
      ["vmcloud", "light"],
      ["clary-jwt", "dark"],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      await go(page, `?api=${id}`);
      expect((await measure()).overflow).toBeLessThanOrEqual(0);
      await signIn(page);
      await page.getByText("The picture in rows").click();
      await page.getByText("Claims of the token").click();
      await press(page, "Fifty at once");
      const { overflow, ground } = await measure();
      expect(overflow).toBeLessThanOrEqual(0);
      grounds.push(Number(/\d+/.exec(ground)?.[0]));
    }
    expect(grounds[0]).toBeGreaterThan(200);
    expect(grounds[1]).toBeLessThan(50);
  });

  it("moves nothing for whoever wants no motion", async () => {
    const { page } = await visit("?api=clary");
    await signIn(page);
    const ring = page.locator("#ring");
    await ring.evaluate((element) => element.classList.add("renewed"));
    const animation = (): Promise<string> =>
      ring.locator("svg").evaluate((svg) => getComputedStyle(svg).animationName);
    for (const [reducedMotion, name] of [
      ["reduce", "none"],
      ["no-preference", "renewed"],
    ] as const) {
      await page.emulateMedia({ reducedMotion });
      expect(await animation()).toBe(name);
    }
  });
});
