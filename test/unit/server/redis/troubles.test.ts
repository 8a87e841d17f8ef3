/** What Redis' own errors say by their first word: all that is read of them, and none of it is shown. */
import { describe, expect, it } from "vitest";
import { wordOf } from "../../../../src/server/redis/troubles.ts";
import { redisStore } from "../../../../src/stores/redis.ts";

/** As Redis up to 6.2 tells the error of a command that a script calls. */
const wrapped = (error: string): string =>
  `ERR Error running script (call to f_${"0a".repeat(20)}): @user_script:12: ${error}`;

const FULL = "OOM command not allowed when used memory > 'maxmemory'.";

describe("the word of an error of Redis", () => {
  it.each([
    [FULL, "OOM"],
    [`${FULL} script: ${"0a".repeat(20)}, on @user_script:12.`, "OOM"],
    ["ERR unknown command", "ERR"],
    [wrapped(`@user_script: 12: -${FULL}`), "OOM"],
    [wrapped(`@user_script: 12: ${FULL}`), "OOM"],
    [wrapped(`-${FULL}`), "OOM"],
    [wrapped("@user_script: 12: -MISCONF Redis is configured to save RDB snapshots"), "MISCONF"],
    [
      wrapped("@user_script: 12: -READONLY You can't write against a read only replica."),
      "READONLY",
    ],
    [wrapped("WRONGTYPE Operation against a key holding the wrong kind of value"), "WRONGTYPE"],
    [wrapped("@user_script: 12: -NOPERM this user has no permissions"), "NOPERM"],
    [wrapped("@user_script: 12: -LOADING Redis is loading the dataset in memory"), "LOADING"],
  ])("is its first, or the first behind a script's places: %s", (message, word) => {
    expect(wordOf(new Error(message))).toBe(word);
  });

  it.each([
    // What a script says of its own, or of what it has found.
    wrapped("attempt to index a nil value"),
    wrapped("user said -OOM command"),
    wrapped('@user_script: 12: user said "@user_script: 12: -OOM command"'),
    "ERR @user_script: 12: -OOM command not allowed",
  ])("is no other word of the text: %s", (message) => {
    expect(wordOf(new Error(message))).toBe("ERR");
  });

  it.each([undefined, null, {}, { message: 7 }, new Error("connect ECONNREFUSED"), new Error("")])(
    "is empty for what is not of Redis: %s",
    (error) => {
      expect(wordOf(error)).toBe("");
    },
  );
});

it("a store over an old Redis that is full says so, and shows none of its text [S4]", async () => {
  const client = {
    status: "ready",
    on() {},
    async call() {
      throw new Error(wrapped(`@user_script: 12: -${FULL}`));
    },
  };
  const store = redisStore(client as never, { dangerouslyAssumeDurable: true });
  await expect(store.read("a")).rejects.toMatchObject({
    code: "store_unavailable",
    message: "Cannot use the store: Redis is full. Raise maxmemory: nothing is lost.",
  });
});
