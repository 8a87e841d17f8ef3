/** Requests of a page that is being left, in Chromium. */
import { plainInPagehide, requestsInPagehide } from "./leaving.ts";
import { useBrowser } from "./real-tabs.ts";

useBrowser(["worker-script"]);

requestsInPagehide();
plainInPagehide("with the token");
