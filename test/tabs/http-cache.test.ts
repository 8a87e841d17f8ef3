/** One user's reply and the next user, in Chromium (S19). */
import { repliesInTheCache } from "./http-cache.ts";
import { useBrowser } from "./real-tabs.ts";

useBrowser(["worker-script"]);

repliesInTheCache();
