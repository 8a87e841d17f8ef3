/** The same in Firefox: its shared worker outlives the tab that asked. */
import { useBrowser } from "./stage.ts";
import { closedTab } from "./worker-stage.ts";

useBrowser(["worker-script"], "firefox");
closedTab(["intent written", "server answered", "reply read", "commit unwritten"]);
