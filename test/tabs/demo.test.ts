/** The demo as `npm run demo` starts it: what a person does there, in two tabs. */
import path from "node:path";
import type { Page } from "playwright";
import { createServer } from "vite";
import { expect, it, onTestFinished } from "vitest";
import { newContext, useBrowser } from "./stage.ts";

useBrowser();

async function startDemo(): Promise<string> {
  const server = await createServer({
    configFile: path.join(import.meta.dirname, "../../demo/vite.config.ts"),
    logLevel: "silent",
    server: { port: 0, hmr: false, watch: null },
  });
  onTestFinished(() => server.close());
  await server.listen();
  return server.resolvedUrls!.local[0]!;
}

const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

/** One of the numbers over all tabs. */
const count = (page: Page, id: string): Promise<string | null> =>
  page.locator(`#${id}`).textContent();

it("P1 P4 the demo: signing in, fifty in each of two tabs after an expiry, signing out", async () => {
  const address = await startDemo();
  const context = await newContext();
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(address);

  // A wrong password is answered with the typed error's sentence.
  await page.getByLabel("Password").fill("incorrect horse");
  await button(page, "Sign in").click();
  await page.getByText("Credentials refused: check them").waitFor();
  await page.reload();
  await button(page, "Sign in").click();
  await page.getByText("ada@example.com").waitFor();
  await page.getByText("24 hours are shown as 24 seconds").waitFor();

  const opened = context.waitForEvent("page");
  await page.getByRole("link", { name: "Open another tab" }).click();
  const other = await opened;
  await other.getByText("ada@example.com").waitFor();

  await button(page, "Expire now").click();
  await page.getByText("The API now refuses the token").waitFor();
  await Promise.all([page, other].map((tab) => button(tab, "Send fifty").click()));
  await Promise.all([page, other].map((tab) => tab.getByText("50 of 50 answered").waitFor()));

  for (const tab of [page, other]) {
    await expect.poll(() => count(tab, "requests")).toBe("100");
    await expect.poll(() => count(tab, "refreshes")).toBe("1");
    await expect.poll(async () => Number(await count(tab, "healed"))).toBeGreaterThanOrEqual(50);
    // No token is shown, neither kind.
    expect(await tab.content()).not.toMatch(/eyJ|rft_/);
  }

  await button(page, "Sign out").click();
  await button(other, "Sign in").waitFor();
  expect(faults).toEqual([]);
});
