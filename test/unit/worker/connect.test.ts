/** A page's part: what it believes of what it hears, and what it makes of silence. */
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Snapshot, Vault } from "../../../src/vault.ts";
import {
  connectVault,
  serveVault,
  VaultError,
  type VaultPort,
  type VaultRequestInit,
} from "../../../src/worker.ts";
import type { PasswordCredentials } from "../../../src/providers/password.ts";
import { settle } from "../../support/clock.ts";
import { acme, credentials, fakeApi, type FakeApi, ORIGIN } from "../../support/fake-api.ts";
import { rejection } from "../../support/vault.ts";

type Answer = (question: Record<string, unknown>) => unknown;

const open: Vault<PasswordCredentials>[] = [];

afterEach(() => {
  for (const vault of open.splice(0)) vault.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function connect(
  start: () => VaultPort | Promise<VaultPort>,
  options = {},
): Vault<PasswordCredentials> {
  const vault = connectVault<PasswordCredentials>(start, options);
  open.push(vault);
  return vault;
}

/** A vault over a real one, and the API behind that. */
function real(options = {}): { vault: Vault<PasswordCredentials>; api: FakeApi } {
  const api = fakeApi();
  vi.stubGlobal("fetch", api.fetch);
  const served = serveVault({ provider: acme(), store: memoryStore(), fetch: api.fetch });
  return { vault: connect(() => served, options), api };
}

const bytes = new Uint8Array(5);
const stream = (text: string): ReadableStream => new Blob([text]).stream();
const state = { owner: "o", seq: 1, news: [] };

/** A worker that says what a test wants; to questions for its state, that it is there. */
const odd = (answer: Answer): VaultPort => ({
  postMessage(question, [port]) {
    const asked = question as Record<string, unknown>;
    const said = asked["type"] === "state" ? { tokenkeep: 1, state } : answer(asked);
    if (said !== undefined) port!.postMessage(said);
  },
});

describe("a page's vault", () => {
  it("shows what the vault shows, frozen, and the same object until something changes", async () => {
    const { vault } = real();
    expect(vault.snapshot()).toEqual({ status: "loading", account: "default", persisted: true });
    const shown: Snapshot[] = [];
    const stop = vault.subscribe((snapshot) => shown.push(snapshot));
    expect(shown).toHaveLength(1);
    await vault.signIn(credentials);
    // The answer brought it along: nobody has to wait for a message.
    const first = vault.snapshot();
    expect(first).toMatchObject({ status: "signed-in", generation: 1 });
    expect(Object.isFrozen(first)).toBe(true);
    await vault.getToken();
    expect(vault.snapshot()).toBe(first);
    await vi.waitFor(() => expect(shown.at(-1)).toBe(first));
    stop();
    await vault.signOut();
    await settle();
    expect(vault.snapshot().status).toBe("signed-out");
    expect(shown.at(-1)).toBe(first);
  });

  it("F5 tells events once each, in order, its own retries among them", async () => {
    const { vault, api } = real();
    const types: string[] = [];
    vault.events(({ type }) => types.push(type));
    await vault.signIn(credentials);
    api.expire();
    expect((await vault.fetch(`${ORIGIN}/v1/vms`)).status).toBe(200);
    await vi.waitFor(() => expect(types).toContain("retried"));
    await vi.waitFor(() => expect(types).toContain("refreshed"));
    expect(types.toSorted()).toEqual(["refreshed", "refreshing", "retried", "signed-in"]);
    expect(types.indexOf("refreshing")).toBeLessThan(types.indexOf("refreshed"));
  });

  it.each<[string, (text: string) => VaultRequestInit["body"], number, string[]]>([
    ["a stream once", (text) => stream(text), 401, ["first"]],
    ["anew what a function makes", (text) => () => stream(text), 200, ["first", "first"]],
  ])("P11 F20 F21 sends %s", async (_, make, status, bodies) => {
    const { vault, api } = real();
    await vault.signIn(credentials);
    api.expire();
    const init = { method: "POST", body: make("first"), duplex: "half" } as VaultRequestInit;
    expect((await vault.fetch(`${ORIGIN}/v1/vms`, init)).status).toBe(status);
    expect(api.to("/v1/vms").map(({ body }) => body)).toEqual(bodies);
    // The next one is fresh all the same.
    await vi.waitFor(() => expect(vault.snapshot().generation).toBe(2));
  });

  it.each<[string, () => VaultRequestInit["body"]]>([
    ["a function", () => () => "first"],
    ["bytes", () => bytes],
  ])("S1 P11 what a caller does meanwhile changes no send of %s", async (_, make) => {
    const { vault, api } = real();
    await vault.signIn(credentials);
    api.expire();
    const url = new URL(`${ORIGIN}/v1/vms`);
    const headers = new Headers({ "x-own": "first" });
    bytes.set(new TextEncoder().encode("first"));
    const init = { method: "POST", headers, body: make() };
    const call = vault.fetch(url, init as VaultRequestInit);
    url.href = "https://evil.test/";
    headers.set("x-own", "second");
    init.method = "PUT";
    bytes.fill(120);
    expect((await call).status).toBe(200);
    const seen = api.to("/v1/vms");
    expect(seen).toHaveLength(2);
    for (const { method, headers, body } of seen)
      expect([method, headers.get("x-own"), body]).toEqual(["POST", "first", "first"]);
    expect(api.calls.filter((call) => call.url.startsWith("https://evil"))).toEqual([]);
  });

  it("P14 an abort reaches the worker: a sign-in that is given up signs nobody in", async () => {
    const { vault, api } = real();
    let answer!: (response: Response) => void;
    const { login } = api;
    api.login = () => new Promise((resolve) => (answer = resolve));
    const controller = new AbortController();
    const call = rejection(vault.signIn(credentials, { signal: controller.signal }));
    await vi.waitFor(() => expect(api.to("/login")).toHaveLength(1));
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await call).toBe(reason);
    for (let turn = 0; turn < 5; turn++) await settle();
    answer(await login(api.calls[0]!, 1));
    for (let turn = 0; turn < 5; turn++) await settle();
    expect(await vault.accounts()).toEqual([]);
    expect(vault.snapshot().status).toBe("signed-out");
    // One that is over already is not even begun.
    expect(await rejection(vault.signIn(credentials, { signal: controller.signal }))).toBe(reason);
    expect(api.to("/login")).toHaveLength(1);
  });

  it("P10 closed, it gives up what it asked, and asks no more", async () => {
    const posted: unknown[] = [];
    const vault = connect(() => odd(({ type }) => void posted.push(type)));
    const call = rejection(vault.getToken());
    await vi.waitFor(() => expect(posted).toEqual(["getToken"]));
    vault.close();
    expect(await call).toMatchObject({ code: "closed" });
    expect(await rejection(vault.signOut())).toMatchObject({ code: "closed" });
    expect(posted).toEqual(["getToken"]);
  });
});

describe("an account", () => {
  it.each(["", "a".repeat(257), "a\ud800", 7, null, {}, ["a"]])(
    "that is none is an invalid_option: %s",
    (account) => {
      const start = vi.fn<() => VaultPort>();
      expect(() => connectVault(start, { account } as object)).toThrow(
        expect.objectContaining({ code: "invalid_option", name: "VaultError" }),
      );
      expect(start).not.toHaveBeenCalled();
    },
  );

  it("of 256 characters will do", async () => {
    const account = "a".repeat(256);
    const { vault } = real({ account });
    await vault.signIn(credentials);
    expect(vault.snapshot().account).toBe(account);
  });
});

describe("what a worker says", () => {
  const ticket = { authorization: "Bearer abc", sessionId: "s", generation: 1 };

  it.each<[string, unknown]>([
    ["a text", "Bearer abc"],
    ["a header with a line break", { ...ticket, authorization: "Bearer abc\r\nX-Evil: 1" }],
    ["a header without a scheme", { ...ticket, authorization: "abc" }],
    ["a header too long", { ...ticket, authorization: `Bearer ${"a".repeat(20_000)}` }],
    ["no session", { ...ticket, sessionId: 1 }],
    ["no generation", { ...ticket, generation: "1" }],
    ["null", null],
  ])("S5 S10 in place of a token is not sent: %s", async (_, value) => {
    const sent = vi.fn<typeof fetch>(async () => new Response());
    vi.stubGlobal("fetch", sent);
    const vault = connect(() => odd(() => ({ tokenkeep: 1, value })));
    const error = await rejection(vault.fetch(`${ORIGIN}/v1/vms`));
    expect(error).toMatchObject({ code: "worker_unavailable" });
    expect(sent).not.toHaveBeenCalled();
  });

  it.each<[string, unknown]>([
    ["with a state that is none", { owner: 1, seq: "many", news: null }],
    ["without one", undefined],
  ])("S10 %s is no worker", async (_, state) => {
    const vault = connect(() => ({
      postMessage: (_, [port]) => port!.postMessage({ tokenkeep: 1, state, value: "x" }),
    }));
    expect(await rejection(vault.getToken())).toMatchObject({ code: "worker_unavailable" });
    expect(await rejection(vault.signOut())).toMatchObject({ code: "worker_unavailable" });
  });

  it.each<[string, unknown]>([
    ["getToken", { token: "abc" }],
    ["authorization", 5],
    ["accounts", "ada"],
    ["accounts", [1]],
  ])("S10 in answer to %s is checked: %o", async (method, value) => {
    const vault = connect(() => odd(() => ({ tokenkeep: 1, value })));
    const call = vault[method as "accounts"]();
    expect(await rejection(call)).toMatchObject({ code: "worker_unavailable" });
  });

  it("S10 of its state is taken by kind: nothing else comes through", async () => {
    const snapshot = {
      status: "signed-in",
      account: "somebody else's",
      persisted: "yes",
      issuedAt: "soon",
      expiresAt: Infinity,
      generation: 3,
      claims: [],
      evil: { accessToken: "x" },
    };
    const event = { type: 7, account: "x", sessionId: 8, generation: "9", status: {}, evil: "x" };
    const news = [null, 5, { seq: 2, event: null }, { seq: 2, event }, { seq: 2, snapshot }];
    const said = { tokenkeep: 1, state: { owner: "o", seq: 2, news } };
    const vault = connect(() => odd(() => said));
    const events: unknown[] = [];
    vault.events((event) => events.push(event));
    await vault.signOut();
    await settle();
    expect(vault.snapshot()).toEqual({
      status: "signed-in",
      account: "default",
      persisted: false,
      generation: 3,
    });
    expect(Object.keys(vault.snapshot())).not.toContain("evil");
    expect(events).toEqual([{ type: "7", account: "default" }]);
    expect(Object.keys(events[0] as object)).not.toContain("evil");
  });

  it("S10 of an error is taken by kind, and makes the one error class", async () => {
    const right = { code: "no_session", message: "Not signed in", status: 401, retryAfter: 5 };
    const said = [
      right,
      { code: { evil: 1 }, message: ["x"], status: "401", retryAfter: null, evil: "x" },
      "no object",
    ].map((error) => ({ tokenkeep: 1, error }));
    const vault = connect(() => odd(() => said.shift()));
    const [good, ...bad] = [
      await rejection(vault.getToken()),
      await rejection(vault.getToken()),
      await rejection(vault.getToken()),
    ];
    expect({ ...good, message: good?.message }).toEqual({ name: "VaultError", ...right });
    for (const error of bad) {
      expect(error).toBeInstanceOf(VaultError);
      expect({ ...error }).toEqual({ name: "VaultError", code: "worker_unavailable" });
    }
  });

  it.each([
    [98, 98],
    [99, 0],
  ])("S10 of its news is capped: of %i events %i are told", async (many, told) => {
    const news = Array.from({ length: many }, (_, n) => ({ seq: n + 2, event: { type: "x" } }));
    const vault = connect(() =>
      odd(() => ({ tokenkeep: 1, state: { owner: "o", seq: many + 1, news } })),
    );
    let events = 0;
    vault.events(() => void (events += 1));
    await vault.signOut();
    await settle();
    expect(events).toBe(told);
  });

  it("F9 answers that overtake each other bring no event twice, and no older state back", async () => {
    const event = (seq: number): object => ({ seq, event: { type: `e${seq}` } });
    const shot = (seq: number): object => ({
      seq,
      snapshot: { status: "signed-in", generation: seq },
    });
    const answers = [
      { seq: 4, news: [shot(4), event(2), event(3), event(4)] },
      { seq: 3, news: [shot(3), event(2), event(3)] },
    ].map((news) => ({ tokenkeep: 1, state: { owner: "o", ...news } }));
    const vault = connect(() => odd(() => answers.shift()));
    const types: string[] = [];
    vault.events(({ type }) => types.push(type));
    await Promise.all([vault.signOut(), vault.signOut()]);
    await settle();
    expect(types).toEqual(["e2", "e3", "e4"]);
    expect(vault.snapshot().generation).toBe(4);
  });
});

describe("a snapshot that says the same", () => {
  it("is the same object: no listener is called for a worker that is still away", async () => {
    const vault = connect(() => Promise.reject(new Error("no worker here")));
    await rejection(vault.getToken());
    const first = vault.snapshot();
    const listener = vi.fn<() => void>();
    vault.subscribe(listener);
    await rejection(vault.getToken());
    await settle();
    expect(vault.snapshot()).toBe(first);
    expect(first.status).toBe("unavailable");
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it("from another worker, too: a session goes on as it was", async () => {
    const news = [{ seq: 1, snapshot: { status: "signed-in", generation: 3, persisted: true } }];
    const owners = ["one", "two"];
    const vault = connect(() =>
      odd(() => ({ tokenkeep: 1, state: { owner: owners.shift(), seq: 1, news } })),
    );
    await vault.signOut();
    const first = vault.snapshot();
    expect(first.generation).toBe(3);
    await vault.signOut();
    expect(vault.snapshot()).toBe(first);
  });
});

describe("a worker that isolates", () => {
  it("S7 is there when the page is controlled: until then it is loading, and calls wait", async () => {
    const serviceWorker = Object.assign(new EventTarget(), { controller: null as unknown });
    vi.stubGlobal("navigator", { serviceWorker });
    const snapshot = { status: "signed-in", generation: 1, persisted: true };
    const news = [{ seq: 1, snapshot }];
    const state = { owner: "o", seq: 1, isolated: true, news };
    const asked: unknown[] = [];
    const vault = connect(() => ({
      postMessage(question, [port]) {
        asked.push((question as { type: string }).type);
        port!.postMessage({ tokenkeep: 1, state, value: ["ada"] });
      },
    }));
    const call = vault.accounts();
    for (let turn = 0; turn < 20; turn++) await settle();
    expect(vault.snapshot().status).toBe("loading");
    expect(asked).toEqual(["state"]);
    serviceWorker.controller = {};
    serviceWorker.dispatchEvent(new Event("controllerchange"));
    expect(await call).toEqual(["ada"]);
    expect(vault.snapshot().status).toBe("signed-in");
  });
});

describe("a polluted Object.prototype", () => {
  afterEach(() => {
    delete (Object.prototype as { anything?: unknown }).anything;
  });

  it("S10 S15 takes nothing from what a worker says", async () => {
    const { vault } = real();
    (Object.prototype as { anything?: unknown }).anything = "somebody's";
    await vault.signIn(credentials);
    expect((await vault.fetch(`${ORIGIN}/v1/vms`)).status).toBe(200);
    expect(vault.snapshot().status).toBe("signed-in");
  });
});

describe("a worker that says nothing", () => {
  it("P10 from the start is given up after the timeout, and tried again by the next call", async () => {
    vi.useFakeTimers();
    const start = vi.fn<() => VaultPort>(() => ({ postMessage() {} }));
    const vault = connect(start, { timeout: 1_000 });
    const call = rejection(vault.getToken());
    // It is asked twice: the first may have been replaced in that moment.
    await vi.advanceTimersByTimeAsync(1_000);
    expect(vault.snapshot().status).toBe("loading");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await call).toMatchObject({ code: "worker_unavailable" });
    expect(vault.snapshot().status).toBe("unavailable");
    expect(start).toHaveBeenCalledTimes(2);
    void vault.getToken().catch(() => {});
    await vi.advanceTimersByTimeAsync(0);
    expect(start).toHaveBeenCalledTimes(3);
  });

  it("P14 leaves nothing unhandled where the caller has given up before", async () => {
    const unhandled = vi.fn<(reason: unknown) => void>();
    process.on("unhandledRejection", unhandled);
    onTestFinished(() => void process.off("unhandledRejection", unhandled));
    const vault = connect(() => Promise.reject(new Error("no worker here")));
    await rejection(vault.getToken());
    const reason = new Error("enough");
    expect(await rejection(vault.getToken({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    for (let turn = 0; turn < 5; turn++) await settle();
    expect(unhandled).not.toHaveBeenCalled();
  });

  it("P10 and is replaced: its successor answers the call that waited", async () => {
    const ports = [{ postMessage() {} }, odd(() => ({ tokenkeep: 1, value: "the successor's" }))];
    const vault = connect(() => ports.shift()!, { timeout: 50 });
    expect(await vault.getToken()).toBe("the successor's");
  });

  it("P10 and one after another is replaced: the call waits for the one that stays", async () => {
    const versions = [2, 2, 2, 1];
    const vault = connect(() => {
      const version = versions.shift();
      return odd(() => ({ tokenkeep: version, value: "the last one's" }));
    });
    expect(await vault.getToken()).toBe("the last one's");
    expect(versions).toEqual([]);
  });

  it("P10 any more leaves no call behind, and is started again", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const start = vi.fn<() => VaultPort>(() => odd(() => undefined));
    const vault = connect(start, { timeout: 1_000 });
    await vi.waitFor(() => expect(start).toHaveBeenCalledTimes(1));
    const calls = [vault.getToken(), vault.accounts()].map(rejection);
    const signIn = rejection(vault.signIn(credentials));
    for (let turn = 0; turn < 5; turn++) await settle();
    await vi.advanceTimersByTimeAsync(26_000);
    // Its time is up: what is left is to say so.
    await vi.advanceTimersByTimeAsync(10);
    for (const call of calls) expect(await call).toMatchObject({ code: "worker_unavailable" });
    // Whether the server has heard of it nobody knows.
    expect(await signIn).toMatchObject({ code: "sign_in_failed" });
    expect(start.mock.calls.length).toBeGreaterThan(1);
  });

  it("P10 a worker that is updated to another version is left for the fallback", async () => {
    const version = { now: 1 };
    const worker = odd(() => ({ tokenkeep: version.now, value: "of its own" }));
    const start = (): VaultPort =>
      version.now === 1
        ? worker
        : { postMessage: (_, [port]) => port!.postMessage({ tokenkeep: 2 }) };
    const fallback = async (): Promise<{ vault: VaultPort }> => ({
      vault: odd(() => ({ tokenkeep: 1, value: "the fallback's" })),
    });
    const vault = connect(start, { fallback });
    expect(await vault.getToken()).toBe("of its own");
    version.now = 2;
    expect(await vault.getToken()).toBe("the fallback's");
  });
});
