/** The demo's page itself: what it keeps to itself, and whom it is there for. */
import { readFileSync } from "node:fs";
import path from "node:path";
import axe from "axe-core";
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import { type ApiId, apis } from "../../demo/app/apis.ts";
import { address, button, figure, go, logOf, press, signIn, useDemo, visit } from "./demo-visit.ts";
import { heardBy, listen, storedBy, tap, textsOf } from "./demo-wire.ts";

useDemo();

const split = <T>(all: readonly T[], is: (one: T) => boolean): [T[], T[]] => [
  all.filter(is),
  all.filter((one) => !is(one)),
];

/** How many secrets besides access tokens there are to look for, at the least. */
const deepSecrets: Readonly<Record<ApiId, number>> = {
  // A password, and two refresh tokens.
  vmcloud: 3,
  artos: 1,
  "clary-jwt": 1,
  // Here what one signs in with is what goes out.
  clary: 0,
  simplismart: 0,
  qovery: 0,
  // A password, and two refresh tokens: no reply may give away what the cookie is.
  cookie: 3,
  // Refresh tokens: the password is typed in elsewhere.
  oauth: 2,
};

describe("secrets", () => {
  for (const { id, life, login } of apis)
    it(`${id}: ${life ? "one renewal for five frames, and " : ""}no secret in the page, in messages, in what is kept or logged [S4 F30 P1]`, async () => {
      const wire = tap();
      const { context, page } = await visit("");
      await listen(context);
      const hosts = new Set<string>();
      const said: string[] = [];
      context.on("request", (request) => hosts.add(new URL(request.url()).hostname));
      context.on("console", (message) => said.push(message.text()));
      await go(page, `?api=${id}`);
      // The login page is another origin's, and no form here signs in.
      if (login) await signIn(page);
      if (life) {
        // Signs in, too.
        const summary = await press(page, "Show me");
        expect(summary).toContain("5 tabs sent 250 requests");
        expect(summary).toContain("all were answered");
        expect(page.frames()).toHaveLength(5);
        expect(await figure(page, "requests")).toBe(250);
        expect(await figure(page, "refreshes")).toBe(1);
      } else {
        await signIn(page);
        expect(await press(page, "Fifty at once")).toContain("nothing to renew");
      }

      const heard = await heardBy(page);
      const shown = [await textsOf(page), await storedBy(page), ...said].join("\n");
      const { access, deep } = wire;
      expect(heard.join("\n")).toContain('"status":"signed-in"');
      expect(access.size).toBeGreaterThan(life ? 1 : 0);
      expect(deep.size).toBeGreaterThanOrEqual(deepSecrets[id]);
      for (const secret of [...access, ...deep]) expect(shown).not.toContain(secret);
      // A token crosses only as the answer to the one that is about to send it.
      const [tickets, others] = split(heard, (one) => /"authorization":"\w+ /.test(one));
      expect(tickets.length).toBeGreaterThan(0);
      for (const secret of deep) expect(heard.join("\n")).not.toContain(secret);
      for (const secret of access) expect(others.join("\n")).not.toContain(secret);
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
      const demo = (await page.locator("#demo-code").textContent()) ?? "";
      expect(code.length).toBeGreaterThan(20);
      expect(code + demo).not.toMatch(/refresh_?token/i);
      shown.add(code + demo);
    }
    expect(shown.size).toBeGreaterThan(8);
  });

  it.each(apis.map(({ id }) => id))("%s: it is a whole program, for pasting", async (id) => {
    const { page } = await visit(`?api=${id}`);
    const code = (await page.locator("#code").textContent()) ?? "";
    const program = path.join(import.meta.dirname, `../../demo/paste/${id}.ts`);
    expect(code).toBe(readFileSync(program, "utf8").trim());
    // `npm run check` compiles it; nothing in it is the demo's.
    expect([...code.matchAll(/from "([^"]+)"/g)].map(([, from]) => from)).toEqual(
      expect.arrayContaining(["tokenkeep/browser"]),
    );
    expect(code).not.toMatch(/from "\.|freshStart|127\.0\.0\.1/);
  });
});

describe("for everybody", () => {
  it.each([
    ["a visitor who comes first", "?api=vmcloud", async () => {}],
    [
      "after fifty requests",
      "?api=vmcloud",
      async (page) => {
        await press(page, "Show me");
        await page.getByText("The picture as a table").click();
        await page.getByText("Claims of the token").click();
        await page.getByText("What the demo does here").click();
      },
    ],
    [
      "a refused token",
      "?api=qovery",
      async (page) => {
        await signIn(page);
        await press(page, "Revoke it");
      },
    ],
    [
      "offline",
      "?api=cookie",
      async (page) => {
        await signIn(page);
        await page.getByLabel("Offline").check();
        await press(page, "Send one");
      },
    ],
  ] satisfies [string, string, (page: Page) => Promise<void>][])(
    "axe finds nothing: %s",
    async (_, query, arrange) => {
      for (const colorScheme of ["light", "dark"] as const) {
        const { page } = await visit(query, { colorScheme });
        await arrange(page);
        await page.addScriptTag({ content: axe.source });
        const found = await page.evaluate(async () => {
          const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
          return violations.map(
            ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`,
          );
        });
        expect(found).toEqual([]);
      }
    },
  );

  it("a phone's visitor is shown no box that scrolls inside of the page, and no label that is cut", async () => {
    for (const width of [360, 1280]) {
      const { page } = await visit("?api=vmcloud", { viewport: { width, height: 740 } });
      await signIn(page);
      const cut = await page.evaluate(() =>
        [...document.querySelectorAll<HTMLElement>("button, a, label, legend, dt, pre, h2")]
          .filter(({ scrollWidth, clientWidth, scrollHeight, clientHeight, offsetParent }) => {
            const isWide = scrollWidth > clientWidth + 1 && clientWidth > 0;
            return offsetParent !== null && (isWide || scrollHeight > clientHeight + 4);
          })
          .filter((element) => getComputedStyle(element).display !== "inline")
          .map((element) => element.textContent.slice(0, 40)),
      );
      expect(cut).toEqual([]);
    }
  });

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
    await button(page, "Sign in").waitFor();
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
    await page.getByText("The picture as a table").click();
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
      await page.getByText("The picture as a table").click();
      await page.getByText("Claims of the token").click();
      await press(page, "Fifty at once");
      const { overflow, ground } = await measure();
      expect(overflow).toBeLessThanOrEqual(0);
      grounds.push(Number(/\d+/.exec(ground)?.[0]));
    }
    expect(grounds[0]).toBeGreaterThan(200);
    expect(grounds[1]).toBeLessThan(50);
  });

  it("explains its switches, to screen readers as well", async () => {
    const { page } = await visit("?api=vmcloud");
    for (const [name, says] of [
      ["Refresh in a worker", "the tab that asks refreshes by itself"],
      ["Strict rotation", "it takes each refresh token once"],
    ] as const) {
      const hint = await page.getByRole("checkbox", { name }).getAttribute("aria-describedby");
      await page.locator(`#${hint}`, { hasText: says }).waitFor();
    }
    await go(page, "?api=qovery");
    expect(await page.locator("#strict-hint, #owned-hint").filter({ visible: true }).count()).toBe(
      0,
    );
  });

  it("its lists are lists: nothing stands in a dl but terms, what they mean, and groups of both", async () => {
    const { page } = await visit("?api=vmcloud");
    const strays = page.locator("dl > :not(dt, dd, div), dl > div > :not(dt, dd)");
    expect(await page.locator("dl").count()).toBeGreaterThan(2);
    expect(await strays.count()).toBe(0);
  });

  it("leads to what there is to read, and says how to install it", async () => {
    const { page } = await visit("?api=vmcloud");
    await page.getByText("npm install tokenkeep").waitFor();
    const links = await page
      .locator("footer a")
      .evaluateAll((all) => all.map((one) => (one as HTMLAnchorElement).href));
    expect(links.length).toBeGreaterThan(2);
    for (const link of links) {
      const reply = await fetch(link);
      expect(reply.status).toBe(200);
      expect(reply.headers.get("content-type")).toContain("text/plain");
      expect(await reply.text()).toMatch(/^# /);
    }
    expect((await fetch(address("docs/none.md"))).status).toBe(404);
  });

  it("a word that a label leaves open is explained beside it", async () => {
    const { page } = await visit("?api=vmcloud");
    await page.getByText("the connection dies half-way").waitFor();
    await signIn(page);
    await page.getByText("From “soft” on the vault renews by itself").waitFor();
    await go(page, "?api=simplismart");
    await signIn(page);
    // It has an end, and is not good until somebody revokes it.
    await page.getByText("days left").waitFor();
    await page.getByText("good until then, or until it is revoked").waitFor();
    expect(await page.locator("#marks-hint").isVisible()).toBe(false);
  });

  it("ends no token where nobody is signed in, and says so", async () => {
    const { page } = await visit("?api=vmcloud");
    const { next } = await logOf("vmcloud");
    expect(await press(page, "Expire now")).toContain("Nobody is signed in");
    expect((await logOf("vmcloud", next)).entries).toEqual([]);
  });

  it("says so where the browser lacks what it needs", async () => {
    const { context } = await visit("?api=vmcloud");
    await context.addInitScript("delete globalThis.BroadcastChannel");
    const page = await context.newPage();
    await page.goto(address());
    await page.getByRole("alert").getByText("cannot start in this browser").waitFor();
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
