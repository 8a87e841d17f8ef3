/**
 * A `fetch` that fails tells nobody why. Playwright hears it from the browser: a test that fails keeps the reasons
 * of the requests that failed meanwhile, and the totals name them.
 */
import { afterEach, beforeAll } from "vitest";
import { commands } from "vitest/browser";

declare module "vitest" {
  interface TaskMeta {
    networkFaults?: readonly string[];
  }
}

declare module "vitest/browser" {
  interface BrowserCommands {
    /** The requests of this page that have failed since the time; `since` in milliseconds since the epoch. */
    networkFaults: (since: number) => Promise<readonly string[]>;
  }
}

beforeAll(async () => {
  await commands.networkFaults(Date.now());
});

afterEach(async ({ task }) => {
  if (task.result?.state !== "fail") return;
  task.meta.networkFaults = await commands.networkFaults(task.result.startTime ?? 0);
});
