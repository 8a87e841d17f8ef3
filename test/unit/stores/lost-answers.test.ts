/** Stores over servers whose answer to a delete is lost on its way back: the next try knows what the first has done. */
import { describe, expect, it } from "vitest";
import { postgresStore } from "../../../src/stores/postgres.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import type { StoredRecord, TokenStore } from "../../../src/types.ts";
import { headOf, record } from "../../contracts/store.ts";

/** A store over a server that has one row. */
interface Stage {
  readonly store: TokenStore;
  row: StoredRecord | undefined;
  /** Called once after the next delete: then its answer is lost. */
  cut: (() => void) | undefined;
}

const isSame = (row: StoredRecord | undefined, sessionId?: string, revision?: string): boolean =>
  row?.sessionId === sessionId && String(row?.revision) === revision;

/** Whether the answer of what was just done is lost. */
function isCut(stage: Stage): boolean {
  const { cut } = stage;
  stage.cut = undefined;
  cut?.();
  return cut !== undefined;
}

function overPg(): Stage {
  const pool = {
    totalCount: 0,
    connect() {},
    async query({ text, values: [, sessionId, revision] }: { text: string; values: string[] }) {
      if (!text.includes("DELETE"))
        return { rows: [["false", stage.row ? JSON.stringify(stage.row) : null, null]] };
      const isDeleted = isSame(stage.row, sessionId, revision);
      if (isDeleted) stage.row = undefined;
      if (isCut(stage)) throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
      return { rows: isDeleted ? [["written"]] : [] };
    },
  };
  const stage: Stage = {
    store: postgresStore(pool as never, { dangerouslyAssumeDurable: true }),
    row: undefined,
    cut: undefined,
  };
  return stage;
}

/** As the store's script deletes; `test/servers` runs the script itself. */
function overIoRedis(): Stage {
  const client = {
    status: "ready",
    on() {},
    async call(...command: readonly string[]) {
      const [revision, sessionId, head, , again] = command.slice(5);
      expect(head).toBe("");
      const { row } = stage;
      const isWritten = row ? isSame(row, sessionId, revision) : again === "again";
      if (isWritten) stage.row = undefined;
      if (isCut(stage)) throw new Error("read ECONNRESET");
      return ["master", isWritten ? "1" : "0", row && !isWritten ? JSON.stringify(row) : null];
    },
  };
  const stage: Stage = {
    store: redisStore(client as never, { dangerouslyAssumeDurable: true }),
    row: undefined,
    cut: undefined,
  };
  return stage;
}

describe.each([
  ["pg", overPg],
  ["ioredis", overIoRedis],
] as const)("a delete by %s", (_, make) => {
  const known = record();

  it("whose answer is lost is done: the next try finds nothing there [P3]", async () => {
    const stage = make();
    stage.row = known;
    stage.cut = () => {};
    expect(await stage.store.write("a", undefined, headOf(known))).toBe(true);
    expect(stage.row).toBeUndefined();
  });

  it("whose answer is lost leaves the record that another has written since [P3]", async () => {
    const stage = make();
    const other = record({ sessionId: "session-2" });
    stage.row = known;
    stage.cut = () => void (stage.row = other);
    expect(await stage.store.write("a", undefined, headOf(known))).toBe(false);
    expect(stage.row).toBe(other);
  });

  it("of a record that is not there is none at its first try, whatever was lost before [P3]", async () => {
    const stage = make();
    stage.row = known;
    stage.cut = () => {};
    await stage.store.write("a", undefined, headOf(known));
    expect(await stage.store.write("a", undefined, headOf(known))).toBe(false);
  });
});
