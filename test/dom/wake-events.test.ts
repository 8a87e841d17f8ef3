/** What wakes a page's vault: each event where the browser sends it. */
import { afterEach, expect, it, vi } from "vitest";
import { createVault } from "../../src/browser.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { settle } from "../support/clock.ts";

afterEach(() => vi.restoreAllMocks());

it.each([
  ["online", () => window],
  ["pageshow", () => window],
  ["focus", () => window],
  ["visibilitychange", () => document, true],
  // It does not bubble: Chromium sends it to the document alone.
  ["resume", () => document],
] as const)(
  "%s makes the vault look at its store again, until it is closed [P4]",
  async (...row) => {
    const [type, target, bubbles = false] = row;
    const store = memoryStore();
    const vault = createVault({ provider: vmcloud(), store });
    await vault.adopt({ accessToken: "token" });
    const looks = [vi.spyOn(store, "read"), vi.spyOn(store, "head")];
    const count = (): number => looks.reduce((sum, { mock }) => sum + mock.calls.length, 0);
    target().dispatchEvent(new Event(type, { bubbles }));
    await expect.poll(count).toBe(1);
    vault.close();
    target().dispatchEvent(new Event(type, { bubbles }));
    await vault[Symbol.asyncDispose]();
    expect(count()).toBe(1);
  },
);

it("a page that is hidden begins nothing: it may be closing, and would leave its work half done [P10 S14]", async () => {
  const store = memoryStore();
  const vault = createVault({ provider: vmcloud(), store });
  await vault.adopt({ accessToken: "token" });
  const looks = [vi.spyOn(store, "read"), vi.spyOn(store, "head")];
  const count = (): number => looks.reduce((sum, { mock }) => sum + mock.calls.length, 0);
  vi.spyOn(document, "visibilityState", "get").mockReturnValue("hidden");
  document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  await settle();
  expect(count()).toBe(0);
  // A network that is back is news in the background, too.
  window.dispatchEvent(new Event("online"));
  await settle();
  expect(count()).toBe(1);
  vault.close();
});
