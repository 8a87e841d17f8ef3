/** The database of pending logins, when it breaks off: a typed error, and another try that works. */
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { rejection } from "../../support/vault.ts";
import { back, client, openPage, type Page } from "./bare-browser.ts";

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);

beforeEach(() => void process.on("unhandledRejection", note));

afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  process.off("unhandledRejection", note);
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  const [first] = unhandled.splice(0);
  if (first !== undefined) throw new Error(`A rejection was not handled: ${String(first)}`);
});

/** As this factory, but `open` is the test's. */
const opening = (open: (...given: Parameters<IDBFactory["open"]>) => IDBOpenDBRequest): void =>
  void vi.stubGlobal("indexedDB", { open });

/** The database works again. */
function mend(real: IDBFactory): void {
  vi.restoreAllMocks();
  vi.stubGlobal("indexedDB", real);
}

/** A failure in the middle of the transaction, each of the two times that it is tried. */
function abortAll(name: "add" | "get" | "getAll" | "put"): void {
  const store = Object.getPrototypeOf(storeOf()) as IDBObjectStore;
  vi.spyOn(store, name).mockImplementation(function (this: IDBObjectStore) {
    this.transaction.abort();
    throw new DOMException("full", "QuotaExceededError");
  });
}

let probe: IDBObjectStore | undefined;
const storeOf = (): IDBObjectStore => {
  if (!probe) throw new Error("There is no probe");
  return probe;
};

beforeEach(async () => {
  const request = new IDBFactory().open("probe");
  request.onupgradeneeded = () => void (probe = request.result.createObjectStore("probe"));
  await new Promise((resolve) => (request.onsuccess = resolve));
});

const broken: readonly [string, () => void][] = [
  [
    "is denied",
    () =>
      opening(() => {
        throw new DOMException("no", "SecurityError");
      }),
  ],
  ["is full", () => abortAll("put")],
  ["breaks off", () => abortAll("getAll")],
];

describe("a login", () => {
  it.each(broken)(
    "is not begun where the database %s, and is at the next try [F26]",
    async (_, fail) => {
      const page = await openPage();
      const real = indexedDB;
      fail();
      const error = await rejection(page.oauth.beginSignIn(client));
      expect(error).toMatchObject({ code: "store_unavailable" });
      expect(page.left).toEqual([]);
      mend(real);
      await page.oauth.beginSignIn(client);
      expect(page.left).toHaveLength(1);
    },
  );

  it("is not begun where the browser gives no key back [F27]", async () => {
    const page = await openPage();
    const store = Object.getPrototypeOf(storeOf()) as IDBObjectStore;
    const { put } = store;
    vi.spyOn(store, "put").mockImplementation(function (this: IDBObjectStore, value, key) {
      return put.call(this, { ...(value as object), key: null }, key);
    });
    const error = await rejection(page.oauth.beginSignIn(client));
    expect(error).toMatchObject({ code: "store_unavailable" });
    expect(page.left).toEqual([]);
  });
});

describe("a callback", () => {
  const signedIn = { type: "signed-in", returnTo: "/vms?page=2#third" };

  it.each(broken)("is completed by another call where the database %s [F26]", async (_, fail) => {
    const page = await back();
    const real = indexedDB;
    fail();
    const error = await rejection(page.oauth.completeSignIn(client, page.vault));
    expect(error).toMatchObject({ code: "store_unavailable" });
    // No script that the page loads meanwhile is to see the code.
    expect(page.href).not.toContain("code=");
    mend(real);
    expect(await page.oauth.completeSignIn(client, page.vault)).toMatchObject({
      type: "signed-in",
    });
    expect(await page.oauth.completeSignIn(client, page.vault)).toEqual({ type: "none" });
    expect(page.server.to("/token")).toHaveLength(1);
  });

  it("is completed where the connection is lost once [F25]", async () => {
    const page = await back();
    const real = indexedDB;
    let times = 0;
    opening((...given) => {
      const request = real.open(...given);
      if (times++ === 0) request.addEventListener("success", () => request.result.close());
      return request;
    });
    expect(await page.oauth.completeSignIn(client, page.vault)).toEqual(signedIn);
  });

  it("is completed where somebody had opened the database before, without its store [F74]", async () => {
    const page = await openPage();
    await new Promise((resolve) => {
      const request = indexedDB.open("tokenkeep-oauth");
      request.onsuccess = () => {
        request.result.close();
        resolve(undefined);
      };
    });
    await page.oauth.beginSignIn(client);
    await page.load(page.login());
    expect(await page.oauth.completeSignIn(client, page.vault)).toEqual(signedIn);
  });

  it("is not taken behind the caller's back by a database that answers too late [F26]", async () => {
    const page: Page = await back();
    const real = indexedDB;
    let open = (): void => {};
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    opening((...given) => {
      // The request's own events come when the test lets them.
      const late = new EventTarget() as IDBOpenDBRequest;
      open = () => {
        const request = real.open(...given);
        request.onsuccess = () => {
          Object.assign(late, { result: request.result });
          late.onsuccess?.(new Event("success"));
        };
      };
      return late;
    });
    const completing = rejection(page.oauth.completeSignIn(client, page.vault));
    await vi.advanceTimersByTimeAsync(4_000);
    expect(await completing).toMatchObject({ code: "store_unavailable" });
    vi.useRealTimers();
    open();
    await new Promise((resolve) => setTimeout(resolve, 20));
    mend(real);
    expect(await page.oauth.completeSignIn(client, page.vault)).toMatchObject({
      type: "signed-in",
    });
  });
});
