/** A login by popup, in Chromium. */
import { describe } from "vitest";
import { popupCases } from "./oauth-popup.ts";
import { useSite } from "./oauth-stage.ts";

useSite();

describe.each([
  ["the page", false],
  ["a shared worker", true],
])("a login by popup, with the vault in %s", (_, isShared) => {
  popupCases(isShared);
});
