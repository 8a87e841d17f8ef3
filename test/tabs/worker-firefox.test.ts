/** The same in Firefox: what outlives which tabs, and isolation. */
import { useBrowser } from "./real-tabs.ts";
import { requestsUnderIsolation } from "./worker-requests.ts";
import { allTabsClosed, closedTab } from "./tabs-and-workers.ts";

useBrowser(["worker-script"], "firefox");
closedTab(["intent written", "server answered", "reply read", "commit unwritten"]);
allTabsClosed({ owner: { kind: "service" } });
requestsUnderIsolation();
