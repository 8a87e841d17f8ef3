/** A login by popup, in Chromium. */
import { describe } from "vitest";
import { popupCases } from "./oauth-popup.ts";
import { useSite } from "./oauth-stage.ts";

useSite();

describe.each([
  ["the page", "page"],
  ["a shared worker", "shared"],
] as const)("a login by popup, with the vault in %s", (_, runBy) => {
  popupCases(runBy);
});
