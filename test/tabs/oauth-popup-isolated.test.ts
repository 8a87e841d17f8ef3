/** A login by popup from a page that isolates itself: the browser cuts page and popup off from each other. */
import { describe, expect, it } from "vitest";
import { focus, pop } from "./oauth-popup.ts";
import { answerLogin, answerPopup, outcomeOf, statusOf, useSite } from "./oauth-stage.ts";

useSite({ isIsolated: true });

describe("a login by popup, from a page with COOP", () => {
  it("signs in, though the popup seems to be closed all the time", async () => {
    const { stage, page, popup, outcome } = await pop("page");
    await popup.locator("form").first().waitFor();
    await answerPopup(popup);
    expect(await outcome).toBe("signed-in");
    expect(await statusOf(page)).toBe("signed-in");
    expect(stage.told).toMatchObject({ logins: 1, errors: [], reuses: 0 });
  });

  it("is told as closed when the user is back, and still signs in where the popup is not", async () => {
    const { stage, page, popup, outcome } = await pop("page");
    await popup.locator("form").first().waitFor();
    await focus(page);
    expect(await outcome).toBe("closed");
    await answerLogin(popup);
    await popup.waitForURL(`${stage.site}/**`);
    // Nobody hears it, so that it completes the login by itself; the page learns of it by the record.
    expect(await outcomeOf(popup)).toBe("signed-in");
    await expect.poll(() => statusOf(page), { timeout: 20_000 }).toBe("signed-in");
    expect(stage.told.logins).toBe(1);
  });
});
