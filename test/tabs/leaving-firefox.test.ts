/** Requests of a page that is being left, in Firefox, which then passes its service workers by. */
import { plainInPagehide, requestsInPagehide } from "./leaving.ts";
import { useBrowser } from "./real-tabs.ts";

useBrowser(["worker-script"], "firefox");

requestsInPagehide(["a shared worker"]);
plainInPagehide("without it, and is turned down");
