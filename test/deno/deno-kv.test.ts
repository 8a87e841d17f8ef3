/** What Deno KV has of its own: limits, locks, formats. The contract runs in test/runtimes. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it, vi } from "vitest";
import { type DenoKv, denoKvStore } from "../../src/stores/deno-kv.ts";
import { encrypted } from "../../src/stores/encrypted.ts";
import { headOf, record } from "../contracts/store.ts";
import { freshFile, openKv, ring } from "./kv-databases.ts";

const unavailable = expect.objectContaining({ code: "store_unavailable" });
const locked = (): never => {
  throw new TypeError("database is locked");
};

/** A database whose commits fail as often as told. */
function stubborn(kv: DenoKv, times: number): DenoKv & { commits: number } {
  const one = {
    get: kv.get.bind(kv),
    list: kv.list.bind(kv),
    commits: 0,
    atomic() {
      const write = kv.atomic();
      const commit = write.commit.bind(write);
      write.commit = async () => (one.commits++ < times ? locked() : commit());
      return write;
    },
  };
  return one;
}

it("is shared by all that open the database, and atomic", async () => {
  const { atomic, shared } = denoKvStore(await openKv());
  expect({ atomic, shared }).toEqual({ atomic: true, shared: "everywhere" });
});

it("reads are strong, and what is written was checked by its versionstamp [P3]", async () => {
  const kv = await openKv();
  const read = kv.get.bind(kv);
  const [get, list] = [vi.spyOn(kv, "get"), vi.spyOn(kv, "list")];
  const store = denoKvStore(kv);
  await store.write("a", record(), undefined);
  await store.read("a");
  await store.head("a");
  await store.list("");
  expect(get.mock.calls).toHaveLength(3);
  for (const call of [...get.mock.calls, ...list.mock.calls])
    expect(call[1]).toEqual({ consistency: "strong" });
  // Between this store's read and its commit somebody writes the very same record.
  const head = headOf(record());
  get.mockImplementationOnce(async (key, options) => {
    const entry = await read(key, options);
    await kv.set(key, record());
    return entry;
  });
  expect(await store.write("a", record({ revision: 2 }), head)).toBe(false);
  expect(await store.read("a")).toEqual(record());
});

it("a record of a newer format, or that makes no sense, is unavailable and left untouched [F10]", async () => {
  const kv = await openKv();
  const store = denoKvStore(kv);
  const at = ["tokenkeep", "a"];
  const odd = [{ ...record(), format: 2 }, { format: 1 }, { ...record(), revision: "1" }, null, 7];
  for (const value of odd) {
    await kv.set(at, value);
    await expect(store.read("a")).rejects.toEqual(unavailable);
    await expect(store.head("a")).rejects.toEqual(unavailable);
    await expect(store.write("a", record(), undefined)).rejects.toEqual(unavailable);
    await expect(store.write("a", undefined, headOf(record()))).rejects.toEqual(unavailable);
    expect((await kv.get(at, { consistency: "strong" })).value).toEqual(value);
  }
});

it("what a polluted prototype holds is not part of a record [S10]", async () => {
  const kv = await openKv();
  await kv.set(["tokenkeep", "a"], { sessionId: "s", revision: 1 });
  const polluted = Object.prototype as Record<string, unknown>;
  polluted["format"] = 1;
  try {
    await expect(denoKvStore(kv).read("a")).rejects.toEqual(unavailable);
  } finally {
    delete polluted["format"];
  }
});

it("keys that are no texts are not listed, whatever stands behind or before them [F81]", async () => {
  const kv = await openKv();
  const store = denoKvStore(kv);
  await store.write("a", record(), undefined);
  for (const part of [new Uint8Array([97]), 7, true]) {
    await kv.set(["tokenkeep", part] as unknown as string[], record());
    expect(await store.list("")).toEqual(["a"]);
  }
});

it("the prefix is bound into the seal [S20 F82]", async () => {
  const kv = await openKv();
  const prefix = ["app", "tokens"];
  await encrypted(denoKvStore(kv), ring).write("a", record(), undefined);
  const { value } = await kv.get(["tokenkeep", "a"], { consistency: "strong" });
  await kv.set([...prefix, "a"], value);
  const elsewhere = encrypted(denoKvStore(kv, { prefix }), ring);
  expect({ ...(await elsewhere.read("a")) }).toEqual(headOf(record()));
});

describe("limits", () => {
  it("a record above 64 KiB, or a key above 2 KiB, is refused in words that show neither [S4]", async () => {
    const store = denoKvStore(await openKv());
    const big = record({ body: "secret".repeat(11_000) });
    const message =
      "Cannot use the store: Deno KV takes 64 KiB a record and 2 KiB a key. Keep less in the session.";
    for (const call of [
      () => store.write("a", big, undefined),
      () => store.write("secret".repeat(400), record(), undefined),
      () => store.read("secret".repeat(400)),
    ])
      await expect(call()).rejects.toMatchObject({ code: "store_unavailable", message });
    expect(await store.read("a")).toBeUndefined();
  });

  it("a sealed session of 40 KiB fits", async () => {
    const store = encrypted(denoKvStore(await openKv()), ring);
    const big = record({ body: "x".repeat(40_960) });
    expect(await store.write("a", big, undefined)).toBe(true);
    expect(await store.read("a")).toEqual(big);
  });
});

describe("trouble [P16]", () => {
  it("a closed database is unavailable, never empty", async () => {
    const kv = await Deno.openKv(":memory:");
    const store = denoKvStore(kv);
    await store.write("a", record(), undefined);
    kv.close();
    for (const call of [
      () => store.read("a"),
      () => store.head("a"),
      () => store.list(""),
      () => store.write("a", record(), undefined),
    ])
      await expect(call()).rejects.toMatchObject({
        code: "store_unavailable",
        message: "Cannot use the store: Deno KV does not answer. Try again: nothing is lost.",
      });
  });

  it("a silent database is unavailable after the deadline [P10 F26]", async () => {
    const never = (): Promise<never> => new Promise(() => {});
    const silent = { get: never, atomic: never } as unknown as DenoKv;
    await expect(denoKvStore(silent, { timeout: 5 }).read("a")).rejects.toEqual(unavailable);
  });

  it("another connection's lock is waited out", async () => {
    const kv = stubborn(await openKv(), 3);
    expect(await denoKvStore(kv).write("a", record(), undefined)).toBe(true);
    expect(kv.commits).toBe(4);
  });

  it("a lock that never ends is unavailable after the deadline, and not tried for ever [P10]", async () => {
    const kv = stubborn(await openKv(), Infinity);
    const store = denoKvStore(kv, { timeout: 50 });
    await expect(store.write("a", record(), undefined)).rejects.toEqual(unavailable);
    const { commits } = kv;
    expect(commits).toBeGreaterThan(0);
    // The pause that was under way may end in one more try, and nothing follows.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(kv.commits - commits).toBeLessThan(2);
    expect(await store.read("a")).toBeUndefined();
  });

  it("a missing database is told at once", () => {
    expect(() => denoKvStore(undefined as unknown as DenoKv)).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: expect.stringContaining("kv: await Deno.openKv()"),
      }),
    );
  });
});

it("prefixes keep apart, and what lies deeper is nobody's [S11]", async () => {
  const kv = await openKv();
  const [one, two] = [denoKvStore(kv), denoKvStore(kv, { prefix: ["app", "tokens"] })];
  await one.write("a", record(), undefined);
  await two.write("b", record(), undefined);
  await kv.set(["tokenkeep", "a", "deeper"], 1);
  await kv.set(["tokenkeep", "b"], record());
  expect(await one.list("")).toEqual(["a", "b"]);
  expect(await one.list("b")).toEqual(["b"]);
  expect(await two.list("")).toEqual(["b"]);
  expect(await two.read("a")).toBeUndefined();
});

it("no token stands in the database's files in the clear [S8]", async () => {
  const file = freshFile();
  const kv = await openKv(file);
  const store = encrypted(denoKvStore(kv), ring);
  await store.write("a", record(), undefined);
  await kv.set(["plain"], "access-2");
  const folder = path.dirname(file);
  const names = readdirSync(folder).filter((name) => name.startsWith(path.basename(file)));
  const bytes = names.map((name) => readFileSync(path.join(folder, name), "latin1")).join();
  expect(bytes).toContain("session-1");
  expect(bytes).toContain("access-2");
  expect(bytes).not.toMatch(/access-1|refresh-1/);
});
