/** The same in Firefox: what outlives which tabs. */
import { useBrowser } from "./stage.ts";
import { allTabsClosed, closedTab } from "./worker-stage.ts";

useBrowser(["worker-script"], "firefox");
closedTab(["intent written", "server answered", "reply read", "commit unwritten"]);
allTabsClosed({ owner: { kind: "service" } });
