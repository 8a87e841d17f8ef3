/** Isolation, request by request: redirects, methods, modes, failures, and the page's own origin. */
import { useBrowser } from "./real-tabs.ts";
import { requestsUnderIsolation } from "./worker-requests.ts";

useBrowser(["worker-script"]);
requestsUnderIsolation();
