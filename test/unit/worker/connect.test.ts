/** A page's part: what it shows and sends, and what it makes of silence. */
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { Vault } from "../../../src/index.ts";
import { claryJwt, type ClaryJwtCredentials } from "../../../src/providers/clary-jwt.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import {
  connectVault,
  serveVault,
  type VaultPort,
  type VaultRequestInit,
} from "../../../src/worker.ts";
import { settle } from "../../support/clock.ts";
import { credentials, ORIGIN } from "../../support/fake-api.ts";
import { rejection } from "../../support/vault.ts";
import { connect, odd, real } from "./page-vault.ts";

const bytes = new Uint8Array(5);
const stream = (text: string): ReadableStream => new Blob([text]).stream();

describe("a page's vault", () => {
  it.each<[string, (text: string) => VaultRequestInit["body"], number, string[]]>([
    ["a stream once", (text) => stream(text), 401, ["first"]],
    ["anew what a function makes", (text) => () => stream(text), 200, ["first", "first"]],
  ])("sends %s [P11 F20 F21]", async (_, make, status, bodies) => {
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
  ])("what a caller does meanwhile changes no send of %s [S1 P11]", async (_, make) => {
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

  it("an abort reaches the worker: a sign-in that is given up signs nobody in [P14]", async () => {
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

  const circular: { self?: unknown } = {};
  circular.self = circular;
  it.each<[string, unknown]>([
    ["holds itself", circular],
    ["holds a BigInt", { email: "ada", password: 1n }],
  ])("says so where what it is given %s and can be no message [S10]", async (_, given) => {
    const { vault, api } = real();
    for (const call of [vault.signIn(given as never), vault.adopt(given as never)])
      expect(await rejection(call)).toMatchObject({
        code: "invalid_option",
        message: "Cannot ask the worker: this is no JSON. Pass plain data.",
      });
    expect(api.to("/login")).toEqual([]);
    await vault.signIn(credentials);
  });

  it("closed, it gives up what it asked, and asks no more [P10]", async () => {
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

describe("a vault that is closed", () => {
  /** A worker that is found when a test says so, and then has what was asked of it. */
  function late() {
    const posted: unknown[] = [];
    let find!: () => void;
    const found = new Promise<void>((resolve) => (find = resolve));
    const port = odd(({ type }) => {
      posted.push(type);
      return { tokenkeep: 1, state: { owner: "o", seq: 1, news: [] } };
    });
    const vault = connect(async () => {
      await found;
      return port;
    });
    return { vault, posted, find };
  }

  it.each([
    ["signOut", (vault: Vault) => vault.signOut()],
    ["removeAccount", (vault: Vault) => vault.removeAccount("ada")],
  ] as const)(
    "while its worker starts has that worker hear of a %s [S14 P19]",
    async (type, end) => {
      const { vault, posted, find } = late();
      const ended = end(vault);
      const given = rejection(vault.getToken());
      let isDisposed = false;
      const disposed = vault[Symbol.asyncDispose]().then(() => (isDisposed = true));
      expect(await given).toMatchObject({ code: "closed" });
      for (let turn = 0; turn < 5; turn++) await settle();
      expect(isDisposed).toBe(false);
      find();
      await ended;
      await disposed;
      expect(posted).toEqual([type]);
      // Nothing more is asked of it.
      expect(await rejection(end(vault))).toMatchObject({ code: "closed" });
      expect(posted).toEqual([type]);
    },
  );

  it("and has nothing to say does not wait for a worker [P21]", async () => {
    const { vault, posted } = late();
    await vault[Symbol.asyncDispose]();
    expect(posted).toEqual([]);
  });
});

describe("a wake-up", () => {
  it("that comes while the worker is asked for news is told with the next question [F12]", async () => {
    const asked: unknown[] = [];
    const answers: (() => void)[] = [];
    const listeners: ((event: Event) => unknown)[] = [];
    vi.stubGlobal("addEventListener", (_: string, listener: (event: Event) => unknown) => {
      listeners.push(listener);
    });
    const port: VaultPort = {
      postMessage(question, [reply]) {
        asked.push((question as { args: unknown }).args);
        answers.push(() =>
          reply!.postMessage({ tokenkeep: 1, state: { owner: "o", seq: 1, news: [] } }),
        );
      },
    };
    connect(() => port);
    // The question that finds the worker has no wake-up in it.
    await vi.waitFor(() => expect(asked).toEqual(["[]"]));
    answers.shift()!();
    await vi.waitFor(() => expect(asked).toEqual(["[]", "[false]"]));
    listeners[0]!(new Event("pageshow"));
    answers.shift()!();
    await vi.waitFor(() => expect(asked).toEqual(["[]", "[false]", "[true]"]));
  });
});

describe("credentials that cross to a worker", () => {
  it("keep their members that JSON drops: no key of the operator's takes their place [S17]", async () => {
    const provider = claryJwt({ env: { CLARY_API_KEY: "operators-key-operators-key-operators" } });
    const served = serveVault({ provider, store: memoryStore() });
    const vault = connectVault<ClaryJwtCredentials>(() => served);
    onTestFinished(() => vault.close());
    for (const missing of ["apiKey", "tier"])
      for (const value of [undefined, () => "key", Symbol("key")])
        expect(
          await rejection(vault.signIn({ subject: "ada", [missing]: value } as never)),
        ).toMatchObject({ code: "invalid_option" });
    await vault.signIn({ subject: "ada" });
  });
});

describe("a nudge", () => {
  it("of another account is not for this page, so that no two of them keep the worker busy [S10]", async () => {
    const asked: unknown[] = [];
    const worker = odd(() => undefined);
    const port: VaultPort = {
      postMessage(question, ports) {
        asked.push((question as { type: string }).type);
        worker.postMessage(question, ports);
      },
    };
    connect(() => port, { account: "ada" });
    const channel = new BroadcastChannel("tokenkeep:worker");
    onTestFinished(() => channel.close());
    // Finding the worker, and its news.
    await vi.waitFor(() => expect(asked).toEqual(["state", "state"]));
    for (const [said, questions] of [
      ["ada", 3],
      ["bob", 3],
      [1, 4],
      ["1", 4],
      ["ada", 5],
    ] as const) {
      channel.postMessage(said);
      await vi.waitFor(() => expect(asked.length).toBe(questions));
      await settle();
    }
    expect(asked.length).toBe(5);
  });

  it("says whose news it is: a worker that holds fewer accounts than pages ask for comes to rest [S10]", async () => {
    const heard: unknown[] = [];
    const channel = new BroadcastChannel("tokenkeep:worker");
    onTestFinished(() => channel.close());
    channel.onmessage = ({ data }) => void heard.push(data);
    const { vault } = real({ account: "ada" });
    await vault.signIn(credentials);
    await vi.waitFor(() => expect(heard).toContain("ada"));
    // All pages are asked once, when the worker begins.
    expect(heard.filter((said) => said === 1)).toEqual([1]);
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

  it("that is missing is no default: it would meet somebody else's session [S11]", () => {
    const start = vi.fn<() => VaultPort>();
    const missing = { account: undefined } as object;
    expect(() => connectVault(start, missing)).toThrow(
      expect.objectContaining({ code: "invalid_option" }),
    );
    expect(start).not.toHaveBeenCalled();
  });

  it("of 256 characters will do", async () => {
    const account = "a".repeat(256);
    const { vault } = real({ account });
    await vault.signIn(credentials);
    expect(vault.snapshot().account).toBe(account);
  });
});
