/** A worker that begins anew under its pages, as a service worker does after half a minute without an event. */
import { describe, expect, it, vi } from "vitest";
import { createVault } from "../../../src/index.ts";
import type { Channel, TokenStore } from "../../../src/types.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { VaultEvent } from "../../../src/vault/vault.ts";
import { serveVault, type VaultPort } from "../../../src/worker.ts";
import { acme, credentials, type FakeApi, fakeApi } from "../../support/fake-api.ts";
import { rejection, VMS } from "../../support/vault.ts";
import { connect } from "./page-vault.ts";

const mute: Channel = { open: () => ({ post() {}, close() {} }) };

interface Workers {
  readonly api: FakeApi;
  readonly store: TokenStore;
  /** For `connectVault`. */
  readonly start: () => VaultPort;
  /** The worker ends, and another one is there. */
  renew(): void;
  /** From here on the store takes nothing of the worker that is there. */
  fill(): void;
}

/** A store that needs some time, as IndexedDB does. */
function slowStore(): TokenStore {
  const inner = memoryStore();
  const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
  return { ...inner, read: (key) => soon().then(() => inner.read(key)) };
}

function workers(): Workers {
  const api = fakeApi();
  vi.stubGlobal("fetch", api.fetch);
  const store = slowStore();
  /** What a worker that has ended would still write is written by nobody. */
  const refused = new Set<number>();
  let count = 0;
  function serve(): VaultPort {
    const mine = ++count;
    const write: TokenStore["write"] = (...change) =>
      mine !== count || refused.has(mine)
        ? Promise.reject(new Error("full"))
        : store.write(...change);
    const own = { ...store, write };
    return serveVault({ provider: acme(), store: own, fetch: api.fetch, channel: mute });
  }
  let current = serve();
  return {
    api,
    store,
    start() {
      const mine = current;
      return {
        postMessage(question, ports) {
          if (mine === current) mine.postMessage(question, ports);
          else ports[0]!.postMessage("gone");
        },
      };
    },
    renew: () => void (current = serve()),
    fill: () => void refused.add(count),
  };
}

const bob = { email: "bob@acme.test", password: "correct-horse-secret" };

function endsHeardBy(vault: ReturnType<typeof connect>): VaultEvent[] {
  const heard: VaultEvent[] = [];
  vault.events((event) => {
    if (event.type === "signed-out") heard.push(event);
  });
  return heard;
}

describe("a worker that begins anew", () => {
  it("gives no other user's token for one that a page was given before [F103 S11]", async () => {
    const { start, renew } = workers();
    const [page, other] = [connect(start), connect(start)];
    await page.signIn(credentials);
    const rejected = await page.getToken();
    renew();
    await other.accounts();
    await other.signIn(bob);
    // The page has heard of it.
    await page.accounts();
    const error = await rejection(page.getToken({ rejected }));
    expect(error).toMatchObject({ code: "session_changed" });
    expect(await page.getToken()).not.toBe(rejected);
  });

  it("and signs out first of all: each page hears of that end once", async () => {
    const { start, renew } = workers();
    const pages = [connect(start), connect(start)];
    await pages[0]!.signIn(credentials);
    await pages[1]!.accounts();
    const heard = pages.map(endsHeardBy);
    renew();
    await pages[0]!.signOut();
    for (const page of pages) await page.accounts();
    expect(heard.map((ends) => ends.length)).toEqual([1, 1]);
    for (const page of pages) expect(page.snapshot().status).toBe("signed-out");
    // What is signed in next ends by itself.
    await pages[0]!.signIn(bob);
    await pages[0]!.signOut();
    for (const page of pages) await page.accounts();
    expect(heard.map((ends) => ends.length)).toEqual([2, 2]);
  });

  it("after a sign-out that no store took, and is signed out again: each end is heard", async () => {
    const { start, renew, fill } = workers();
    const page = connect(start);
    await page.signIn(credentials);
    const heard = endsHeardBy(page);
    fill();
    expect(await rejection(page.signOut())).toMatchObject({ code: "store_unavailable" });
    renew();
    await page.getToken();
    expect(page.snapshot().status).toBe("signed-in");
    await page.signOut();
    expect(heard).toHaveLength(2);
  });

  it("and finds the session ended: the page hears of it once", async () => {
    const { start, renew, api, store } = workers();
    const page = connect(start);
    await page.signIn(credentials);
    const heard = endsHeardBy(page);
    const beside = createVault({ provider: acme(), store, fetch: api.fetch });
    await beside.signOut();
    renew();
    await rejection(page.getToken());
    expect(heard).toHaveLength(1);
    expect(page.snapshot().status).toBe("signed-out");
  });

  it("shows no page that it is loading: who is signed in stays so", async () => {
    const { start, renew } = workers();
    const page = connect(start);
    await page.signIn(credentials);
    const shown: string[] = [];
    page.subscribe(({ status }) => void shown.push(status));
    renew();
    expect((await page.fetch(VMS)).status).toBe(200);
    expect(new Set(shown)).toEqual(new Set(["signed-in"]));
  });
});

describe("a worker that is slow to begin", () => {
  it("is asked for what was given at the call [F68]", async () => {
    const { start, api } = workers();
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const page = connect(() => begun.then(start));
    const form = { ...credentials };
    const signingIn = page.signIn(form);
    form.password = "";
    begin();
    await signingIn;
    expect(api.to("/login")[0]!.body).toContain(credentials.password);
    const tokens = { accessToken: "first-secret" };
    const adopting = page.adopt(tokens);
    tokens.accessToken = "second-secret";
    await adopting;
    expect(await page.getToken()).toBe("first-secret");
  });
});

describe("a page that is prerendered", () => {
  function prerender(): EventTarget & { prerendering: boolean } {
    const document = Object.assign(new EventTarget(), { prerendering: true });
    vi.stubGlobal("document", document);
    return document;
  }

  it("looks for its worker when it is opened, and takes no fallback before that", async () => {
    const { start } = workers();
    const document = prerender();
    const begin = vi.fn<() => VaultPort>(start);
    const fallback = vi.fn<() => Promise<{ vault: VaultPort }>>();
    vi.useFakeTimers();
    const page = connect(begin, { fallback });
    const call = page.accounts();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(begin).not.toHaveBeenCalled();
    expect(page.snapshot().status).toBe("loading");
    vi.useRealTimers();
    document.prerendering = false;
    document.dispatchEvent(new Event("prerenderingchange"));
    expect(await call).toEqual([]);
    expect(fallback).not.toHaveBeenCalled();
  });

  it("keeps nobody who gives up [P14]", async () => {
    const { start } = workers();
    prerender();
    const page = connect(start);
    const caller = new AbortController();
    const call = rejection(page.fetch(VMS, { signal: caller.signal }));
    const reason = new Error("enough");
    caller.abort(reason);
    expect(await call).toBe(reason);
    expect(await rejection(page.fetch(VMS, { signal: caller.signal }))).toBe(reason);
  });

  it("and closes its vault: a sign-out is made up for when it is opened [S14]", async () => {
    const { start, store, api } = workers();
    const before = connect(start);
    await before.signIn(credentials);
    const document = prerender();
    const page = connect(start);
    const leaving = page.signOut();
    page.close();
    document.prerendering = false;
    document.dispatchEvent(new Event("prerenderingchange"));
    await leaving;
    const fresh = createVault({ provider: acme(), store, fetch: api.fetch });
    expect(await rejection(fresh.getToken())).toMatchObject({ code: "no_session" });
  });

  it("and closes its vault: calls end [P21]", async () => {
    const { start } = workers();
    prerender();
    const page = connect(start);
    const call = rejection(page.accounts());
    page.close();
    expect(await call).toMatchObject({ code: "closed" });
  });
});
