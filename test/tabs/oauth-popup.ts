/** A login by popup in a real browser, through the login page of a server that we did not write. */
import type { Page } from "playwright";
import { expect, it } from "vitest";
import type { RunBy } from "./oauth-config.ts";
import {
  answerLogin,
  answerPopup,
  type LoginStage,
  outcomeOf,
  setUpLogin,
  statusOf,
} from "./oauth-stage.ts";

interface Popped {
  readonly stage: LoginStage;
  readonly page: Page;
  readonly popup: Page;
  /** How the login has ended, as the page was told. */
  readonly outcome: Promise<string>;
}

const PLACE = "/vms?page=2#third";

/** Asks for a popup by a click, because browsers open one for nothing else. */
export async function ask(page: Page): Promise<string> {
  await page.evaluate(() => {
    const button = document.createElement("button");
    button.textContent = "Log in";
    button.onclick = () => Object.assign(window, { told: window.signIn.popup() });
    document.body.replaceChildren(button);
  });
  await page.getByRole("button", { name: "Log in" }).click();
  return page.evaluate(() => Promise.resolve(Reflect.get(window, "told")).then(String));
}

export async function pop(runBy: RunBy): Promise<Popped> {
  const stage = await setUpLogin({ runBy });
  // Playwright gives each page the focus at all times; a user's window has it where the user is.
  await stage.context.addInitScript(() => {
    document.hasFocus = () => Reflect.get(window, "isFocused") === true;
  });
  const page = await stage.open(PLACE);
  const opened = stage.context.waitForEvent("page");
  const outcome = ask(page);
  outcome.catch(() => {});
  return { stage, page, popup: await opened, outcome };
}

/** The user comes back to the page. */
export const focus = (page: Page): Promise<void> =>
  page.evaluate(() => void Reflect.set(window, "isFocused", true));

/** Whoever waits for it sees the popup go. */
const gone = (popup: Page): Promise<unknown> =>
  popup.isClosed() ? Promise.resolve() : popup.waitForEvent("close");

const openPages = ({ stage }: Popped): number => stage.context.pages().length;

/** What holds in every browser. */
export function popupCases(runBy: RunBy): void {
  it("signs in, and the page stays where it is [P1]", async () => {
    const popped = await pop(runBy);
    const { stage, page, popup, outcome } = popped;
    const closed = gone(popup);
    await answerPopup(popup);
    expect(await outcome).toBe("signed-in");
    await closed;
    expect([openPages(popped), await statusOf(page)]).toEqual([1, "signed-in"]);
    expect(new URL(page.url()).pathname).toBe("/vms");
    expect(stage.told).toMatchObject({ logins: 1, errors: [], reuses: 0 });
  });

  it("that the user closes is told as closed, and the next one signs in", async () => {
    const { stage, page, popup, outcome } = await pop(runBy);
    await popup.locator("form").first().waitFor();
    await popup.close();
    await focus(page);
    expect(await outcome).toBe("closed");
    const opened = stage.context.waitForEvent("page");
    const again = ask(page);
    await answerPopup(await opened);
    expect(await again).toBe("signed-in");
    expect(stage.told).toMatchObject({ logins: 1, errors: [] });
  });

  it("that is denied says so, and nobody is signed in", async () => {
    const { stage, page, popup, outcome } = await pop(runBy);
    await popup.locator("a", { hasText: "Cancel" }).click({ noWaitAfter: true });
    expect(await outcome).toBe("denied");
    await expect.poll(() => statusOf(page)).toBe("signed-out");
    expect(stage.told.logins).toBe(0);
  });

  it("that is asked for twice is one, and both are told the same", async () => {
    const popped = await pop(runBy);
    const { stage, page, popup, outcome } = popped;
    const second = page.evaluate(() => window.signIn.popup());
    await popup.locator("form").first().waitFor();
    expect(openPages(popped)).toBe(2);
    await answerPopup(popup);
    expect(await Promise.all([outcome, second])).toEqual(["signed-in", "signed-in"]);
    expect(stage.told.logins).toBe(1);
  });

  it("whose page is gone completes the login by itself", async () => {
    const { stage, page, popup } = await pop(runBy);
    await popup.locator("form").first().waitFor();
    await page.close();
    await answerLogin(popup);
    await popup.waitForURL(`${stage.site}/**`);
    expect(await outcomeOf(popup)).toBe("signed-in");
    await expect.poll(() => statusOf(popup)).toBe("signed-in");
  });
}
