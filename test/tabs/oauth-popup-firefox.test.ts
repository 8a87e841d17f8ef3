/** A login by popup, in Firefox. */
import { describe } from "vitest";
import { popupCases } from "./oauth-popup.ts";
import { useSite } from "./oauth-stage.ts";

useSite({ which: "firefox" });

describe("a login by popup in Firefox", () => {
  popupCases("page");
});
