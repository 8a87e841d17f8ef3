/** Counts how often this runtime looks at the records of a database. */
import process from "node:process";

/** An order to answer only after so many more looks. */
export interface Looking {
  readonly looks: number;
}

/** What was read in the first of these is known at the last one: a vault asks its store one thing at a time. */
export const LOOKS = 3;

/** How soon the count is looked at again, milliseconds. */
const AGAIN = 5;

/** Counts from now on. The answer resolves once there were so many more looks than when it was asked. */
export function countLooks(): (more: number) => Promise<void> {
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
  const { exec } = DatabaseSync.prototype;
  let looks = 0;
  DatabaseSync.prototype.exec = function (sql: string) {
    // Each look is a transaction of its own; a writer's begins in another way.
    if (sql === "BEGIN") looks += 1;
    return exec.call(this, sql);
  };
  return async (more) => {
    const until = looks + more;
    while (looks < until) await new Promise((resolve) => setTimeout(resolve, AGAIN));
  };
}
