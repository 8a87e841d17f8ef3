/** What a test's server has counted, for whoever reads of a test that failed. */
import { onTestFailed } from "vitest";
import type { Counters } from "../apis/counters.ts";
import { type Logged, wordsOf } from "../apis/log.ts";

/** A test API here, or one behind the control server. */
interface Counting {
  counters(): Counters | Promise<Counters>;
  log(): readonly Logged[] | Promise<readonly Logged[]>;
}

/** Prints the server's counters, and what became of its token calls, if the test that runs now fails. */
export function printIfFailed(api: Counting): void {
  onTestFailed(async () => {
    const [counters, log] = await Promise.all([api.counters(), api.log()]);
    const [signIns, refreshes] = [wordsOf(log, "token"), wordsOf(log, "refresh")];
    console.error("The server's counters and log:", { ...counters, signIns, refreshes });
  });
}
