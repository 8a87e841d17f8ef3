/** For the author of a store: what every `TokenStore` must do, as cases for any test runner. */
import type { RecordHead, StoredRecord, TokenStore } from "../types.ts";

type Awaitable<T> = T | Promise<T>;

/** One thing that a store must do. It needs no runner: `run` rejects with what is wrong. */
export interface ContractCase {
  /** What must hold, in words. */
  readonly title: string;
  run(): Promise<void>;
}

/** The options of {@link storeContract}. */
export interface StoreContractOptions {
  /** The value that really lies under a key, behind the store's back; by default the value that `read` gives. */
  readonly stored?: (store: TokenStore, key: string) => Awaitable<unknown>;
  /** Two stores on the same, empty records, as two processes have them; by default one store twice. */
  readonly twins?: () => Awaitable<readonly [TokenStore, TokenStore]>;
  /** Whether the store compares and sets in one step; `true` by default. */
  readonly atomic?: boolean;
}

/** A record as the engine writes them. */
export function sampleRecord(fields: Partial<StoredRecord> = {}): StoredRecord {
  return {
    format: 1,
    sessionId: "session-1",
    revision: 1,
    body: { generation: 1, tokenSet: { accessToken: "access-1", refreshToken: "refresh-1" } },
    ...fields,
  };
}

/** The clear part of a record. */
export function headOfRecord({ body: _, keys: __, ...head }: StoredRecord): RecordHead {
  return head;
}

/** As JSON, with the members of each object in the order of their names. */
function textOf(value: unknown): string {
  const sorted = (_: string, member: unknown): unknown =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(
          Object.entries(member).toSorted(([one], [other]) => (one < other ? -1 : 1)),
        )
      : member;
  return JSON.stringify(value, sorted) ?? "undefined";
}

function same(found: unknown, wanted: unknown, what: string): void {
  const [is, should] = [textOf(found), textOf(wanted)];
  if (is !== should)
    throw new Error(`${what}: found ${is.slice(0, 300)}, wanted ${should.slice(0, 300)}`);
}

function holds(isRight: unknown, what: string): void {
  if (!isRight) throw new Error(what);
}

const first: StoredRecord = sampleRecord();
const second: StoredRecord = sampleRecord({
  revision: 2,
  attemptId: "attempt-1",
  body: { generation: 2 },
});

/** Four writers of three changes each need twelve tries at most, if each round takes one of them. */
const MOST_TRIES = 1_000;

type Make = () => Awaitable<TokenStore>;
type Twins = () => Awaitable<readonly [TokenStore, TokenStore]>;
type Cases = Readonly<Record<string, () => Promise<void>>>;

/** What a store keeps, and how it gives that back. */
const keeping = (
  make: Make,
  { atomic = true, stored = (store, key) => store.read(key) }: StoreContractOptions,
): Cases => ({
  async "declares what it can do"() {
    const store = await make();
    same(store.atomic, atomic, "atomic");
    holds(["context", "origin", "everywhere"].includes(store.shared), "shared is no known word");
    holds(["string", "undefined"].includes(typeof store.namespace), "namespace is no text");
    const scope = await store.scope?.();
    holds(/^\w{0,64}$/.test(scope ?? ""), "scope is not a word of up to 64 characters");
    same(await store.scope?.(), scope, "scope, asked for twice");
    same(await store.list(""), [], "the keys of an empty store");
  },
  async "what it stores is JSON, but for `keys` where it declares to keep them"() {
    const store = await make();
    const { subtle }: Partial<Crypto> = crypto;
    const proof = await subtle?.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"]);
    const written = sampleRecord({ attemptId: "attempt-1", ...(proof && { keys: { proof } }) });
    same(await store.write("a", written, undefined), true, "write");
    const { keys = {}, ...json } = { ...((await stored(store, "a")) as StoredRecord) };
    const { keys: _, ...rest } = written;
    same(json, JSON.parse(JSON.stringify(json)), "what is stored");
    holds(store.keepsKeys || Object.keys(keys).length === 0, "keys are stored, but not declared");
    const { keys: kept, ...read } = { ...(await store.read("a")) };
    same(read, rest, "read");
    const isKept = kept?.["proof"] instanceof CryptoKey;
    holds(!proof || isKept === (store.keepsKeys === true), "a CryptoKey came back otherwise");
    // The clear part holds no key.
    same(await store.head("a"), headOfRecord(written), "head");
  },
  async "has nothing under an unused key"() {
    const store = await make();
    same(await store.read("a"), undefined, "read");
    same(await store.head("a"), undefined, "head");
    same(await store.list(""), [], "list");
  },
  async "gives back what was written, for every JSON value"() {
    const store = await make();
    const body = {
      text: 'ü "\u2028" \\ 🔑\u0000',
      nested: { list: [1, 1.5, -0.25, true, false, null, [], {}] },
      empty: "",
      long: "x".repeat(20_000),
    };
    const written = sampleRecord({ attemptId: "attempt-1", body });
    same(await store.write("a", written, undefined), true, "write");
    same(await store.read("a"), written, "read");
  },
  async "a head is the clear part and nothing else"() {
    const store = await make();
    const written = sampleRecord({ attemptId: "attempt-1", revision: 7 });
    await store.write("a", written, undefined);
    const head = await store.head("a");
    same(head, headOfRecord(written), "head");
    holds(head && !("body" in head), "the head shows a body");
    same(await store.read("a"), written, "read");
  },
  async "lists the keys with a prefix and no others"() {
    const store = await make();
    const keys = ["p", "p/", "p/a", "p/a/b", "p/\u00fc", "p/\u{1f511}", "p0", "q/a", "P/a"];
    // A prefix is no pattern of SQL's LIKE, nor of a glob.
    const odd = ["o%/a", "o_/a", "o*/a", "o?/a", "o[x]/a", "o\\/a"];
    for (const key of [...keys, ...odd, "ox/a", "oxx/a"])
      await store.write(key, sampleRecord({ sessionId: key }), undefined);
    const below = ["p/", "p/a", "p/a/b", "p/\u00fc", "p/\u{1f511}"];
    same((await store.list("p/")).toSorted(), below.toSorted(), 'the keys with "p/"');
    for (const key of odd) same(await store.list(key.slice(0, -1)), [key], `with ${key}`);
    const all = [...keys, ...odd, "ox/a", "oxx/a"];
    same((await store.list("")).toSorted(), all.toSorted(), "all keys");
    same(await store.list("none"), [], 'the keys with "none"');
  },
  async "keys are only names, and each has its own record"() {
    const store = await make();
    const keys = ["__proto__", "constructor", "toString", "", "a", "A"];
    for (const key of keys) same(await store.read(key), undefined, `read ${key}`);
    for (const key of keys) {
      const written = sampleRecord({ sessionId: `of ${key}` });
      same(await store.write(key, written, undefined), true, `write ${key}`);
    }
    for (const key of keys) same((await store.read(key))?.sessionId, `of ${key}`, `read ${key}`);
  },
});

/** Compare and set, by one writer. */
const comparing = (make: Make): Cases => ({
  async "writes where the head is the expected one"() {
    const store = await make();
    await store.write("a", first, undefined);
    same(await store.write("a", second, headOfRecord(first)), true, "write");
    same(await store.read("a"), second, "read");
  },
  async "a write against a stale revision changes nothing"() {
    const store = await make();
    await store.write("a", first, undefined);
    await store.write("a", second, headOfRecord(first));
    const late = sampleRecord({ revision: 2, body: { generation: 66 } });
    same(await store.write("a", late, headOfRecord(first)), false, "a stale write");
    same(await store.write("a", undefined, headOfRecord(first)), false, "a stale deletion");
    same(await store.read("a"), second, "read");
  },
  async "the same revision of another session is refused"() {
    const store = await make();
    const theirs = sampleRecord({ sessionId: "session-2", body: { generation: 5 } });
    await store.write("a", theirs, undefined);
    const next = sampleRecord({ revision: 2 });
    same(await store.write("a", next, headOfRecord(first)), false, "a write over another session");
    same(await store.write("a", undefined, headOfRecord(first)), false, "a deletion of another");
    same(await store.read("a"), theirs, "read");
  },
  async "creates only where nothing is, replaces only where something is"() {
    const store = await make();
    same(await store.write("a", second, headOfRecord(first)), false, "a replacement of nothing");
    same(await store.read("a"), undefined, "read");
    same(await store.write("a", first, undefined), true, "a creation");
    const other = sampleRecord({ sessionId: "session-2" });
    same(await store.write("a", other, undefined), false, "a second creation");
    same(await store.write("a", undefined, undefined), false, "a deletion of nothing");
    same(await store.read("a"), first, "read");
  },
  async "deletes where the head is the expected one"() {
    const store = await make();
    await store.write("a", first, undefined);
    await store.write("b", sampleRecord({ sessionId: "session-2" }), undefined);
    same(await store.write("a", undefined, headOfRecord(first)), true, "a deletion");
    same(await store.read("a"), undefined, "read");
    same(await store.list(""), ["b"], "list");
    const next = sampleRecord({ sessionId: "session-3" });
    same(await store.write("a", next, undefined), true, "a creation in its place");
  },
  async "a tombstone replaces the session, has no body and is listed"() {
    const store = await make();
    await store.write("a", first, undefined);
    const tombstone: StoredRecord = {
      format: 1,
      sessionId: "session-1",
      revision: 2,
      tombstone: true,
    };
    same(await store.write("a", tombstone, headOfRecord(first)), true, "write");
    same(await store.read("a"), tombstone, "read");
    same(await store.head("a"), tombstone, "head");
    same(await store.list("a"), ["a"], "list");
    same(await store.write("a", second, headOfRecord(first)), false, "a write over the tombstone");
  },
});

/** Who has added a number to the record. */
function writersOf(record: StoredRecord | undefined): readonly number[] {
  const body = record?.body as { readonly writers: readonly number[] } | undefined;
  return body?.writers ?? [];
}

/** Compare and set, by many writers at once. */
const racing = (twins: Twins): Cases => ({
  async "of many that create at once, one does"() {
    const [one, two] = await twins();
    const tries = Array.from({ length: 8 }, (_, at) =>
      sampleRecord({ sessionId: `session-${at}`, body: { generation: at } }),
    );
    const won = await Promise.all(
      tries.map((next, at) => (at % 2 ? one : two).write("a", next, undefined)),
    );
    same(won.filter(Boolean), [true], "the writes that were taken");
    same(await one.read("a"), tries[won.indexOf(true)], "read");
    same(await two.read("a"), tries[won.indexOf(true)], "read by the other");
  },
  async "of many that replace or delete the same record at once, one does"() {
    const [one, two] = await twins();
    await one.write("a", first, undefined);
    const tries = [2, 3, 4, 5, 6, 7].map((at) =>
      at === 4 ? undefined : sampleRecord({ revision: 2, body: { generation: at } }),
    );
    const won = await Promise.all(
      tries.map((next, at) => (at % 2 ? one : two).write("a", next, headOfRecord(first))),
    );
    same(won.filter(Boolean), [true], "the writes that were taken");
    same(await two.read("a"), tries[won.indexOf(true)], "read by the other");
  },
  async "no change is lost when all try until they succeed"() {
    const stores = await twins();
    await stores[0].write("a", sampleRecord({ revision: 0, body: { writers: [] } }), undefined);
    const writers = [0, 1, 2, 3];
    /** Adds a writer's number to the record, if nobody else writes meanwhile. */
    async function add(store: TokenStore, writer: number): Promise<boolean> {
      const current = await store.read("a");
      if (!current) return false;
      const body = { writers: [...writersOf(current), writer] };
      return store.write("a", sampleRecord({ revision: current.revision + 1, body }), current);
    }
    await Promise.all(
      writers.map(async (writer) => {
        // Bounded: a store that takes no write would keep the runner itself from its own time-out.
        let left = 3;
        for (let tries = 0; left && tries < MOST_TRIES; tries++)
          if (await add(stores[writer % 2 ? 1 : 0], writer)) left--;
        holds(!left, `no write was taken in ${MOST_TRIES} tries`);
      }),
    );
    const last = await stores[1].read("a");
    const added = writersOf(last);
    same(last?.revision, 12, "the revision");
    const wanted = writers.flatMap((writer) => [writer, writer, writer]);
    same(added.toSorted(), wanted, "who has written");
  },
});

/**
 * What every store must do, in every runtime that it is for.
 *
 * @param make gives an empty store each time
 * @returns the cases: `for (const { title, run } of storeContract(make)) it(title, run)`
 *
 * @example
 * ```ts
 * import { memoryStore } from "tokenkeep/stores/memory";
 * import { storeContract } from "tokenkeep/testing";
 *
 * for (const { run } of storeContract(() => memoryStore())) await run();
 * ```
 */
export function storeContract(
  make: () => TokenStore | Promise<TokenStore>,
  options: StoreContractOptions = {},
): ContractCase[] {
  const twins: Twins =
    options.twins ??
    (async () => {
      const store = await make();
      return [store, store];
    });
  const cases = {
    ...keeping(make, options),
    ...comparing(make),
    ...(options.atomic !== false && racing(twins)),
  };
  return Object.entries(cases).map(([title, run]) => ({ title, run }));
}
