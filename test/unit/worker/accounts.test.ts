/** What anybody of the origin may say to a worker: more accounts than it holds, and numbers that are none. */
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import { serveVault, type ServeOptions } from "../../../src/worker.ts";
import type { PasswordCredentials } from "../../../src/providers/password.ts";
import { settle } from "../../support/clock.ts";
import {
  acme,
  credentials,
  type FakeApi,
  fakeApi,
  holdRefreshes,
  ORIGIN,
} from "../../support/fake-api.ts";

const VMS = `${ORIGIN}/v1/vms`;

interface Said {
  readonly value?: unknown;
  readonly error?: { readonly code: string };
  readonly state?: { readonly owner: string; readonly seq: number; readonly news: unknown[] };
}

interface Crowd {
  readonly api: FakeApi;
  /** How many accounts the worker has in memory. */
  held(): number;
  ask(account: string, type: string, args?: unknown, seen?: unknown): Promise<Said>;
}

function crowd(options: Partial<ServeOptions<PasswordCredentials>> = {}): Crowd {
  const api = fakeApi();
  let held = 0;
  const served = serveVault({
    provider: acme(),
    store: memoryStore(),
    fetch: api.fetch,
    patience: 500,
    onWake() {
      held += 1;
      return () => void (held -= 1);
    },
    ...options,
  });
  return {
    api,
    held: () => held,
    ask(account, type, args, seen) {
      const { port1, port2 } = new MessageChannel();
      return new Promise((resolve) => {
        port1.onmessage = ({ data }) => {
          port1.close();
          resolve(data as Said);
        };
        const text = typeof args === "string" ? args : JSON.stringify(args ? [args] : []);
        served.postMessage({ tokenkeep: 1, type, account, args: text, seen }, [port2]);
      });
    },
  };
}

const token = (n: number): object => ({ accessToken: `junk-${n}` });

describe("a hundred accounts that nobody has", () => {
  it("crowd nobody out, and no more than a hundred are held [S10 S11]", async () => {
    const store = memoryStore();
    let reads = 0;
    const read: typeof store.read = (key) => {
      if (key.endsWith("|ada")) reads += 1;
      return store.read(key);
    };
    const { ask, api, held } = crowd({ store: { ...store, read } });
    await ask("ada", "signIn", credentials);
    const before = reads;
    for (let n = 0; n < 250; n++)
      expect((await ask(`junk ${n}`, "accounts")).error).toBeUndefined();
    expect(held()).toBe(100);
    expect((await ask("ada", "token", { url: VMS })).value).toMatchObject({ generation: 1 });
    // The one that is signed in was never let go: neither the API nor the store is asked again.
    expect([api.calls.length, reads]).toEqual([1, before]);
    expect((await ask("grace", "signIn", credentials)).error).toBeUndefined();
  });

  it("let none go that refreshes, though nobody waits for that: what comes is stored [P20 S10]", async () => {
    const inner = memoryStore();
    let isAway = false;
    const write: typeof inner.write = (...args) =>
      isAway ? Promise.reject(new Error("away")) : inner.write(...args);
    const { ask, api } = crowd({ store: { ...inner, write } });
    await ask("ada", "signIn", credentials);
    const release = holdRefreshes(api);
    // The worker's patience ends before the reply comes.
    const late = await ask("ada", "getToken", { rejected: "access-1-secret" });
    expect(late.error).toMatchObject({ code: "refresh_failed" });
    for (let n = 0; n < 120; n++) await ask(`junk ${n}`, "adopt", token(n));
    isAway = true;
    release();
    await expect
      .poll(() => ask("ada", "token", { url: VMS }), { timeout: 20_000 })
      .toMatchObject({ value: { generation: 2 } });
    isAway = false;
    expect(api.to("/refresh").length).toBe(1);
  });

  it("with tokens of their own crowd nobody out either: a session that is let go is in the store [S10 S11]", async () => {
    const { ask, api, held } = crowd();
    await ask("ada", "signIn", credentials);
    for (let n = 0; n < 150; n++) await ask(`junk ${n}`, "adopt", token(n));
    expect(held()).toBe(100);
    expect((await ask("ada", "token", { url: VMS })).value).toMatchObject({ generation: 1 });
    expect(api.calls).toHaveLength(1);
  });

  it("are refused while all of them are being asked, and the hundred are answered [S10 P10]", async () => {
    const { ask, api, held } = crowd();
    let answer!: () => void;
    const gate = new Promise<void>((resolve) => (answer = resolve));
    const { login } = api;
    api.login = async (...call) => gate.then(() => login(...call));
    const busy = Array.from({ length: 100 }, (_, n) => ask(`${n}`, "signIn", credentials));
    await settle();
    expect((await ask("one more", "accounts")).error).toMatchObject({ code: "invalid_option" });
    answer();
    expect((await Promise.all(busy)).map(({ error }) => error)).toEqual(busy.map(() => undefined));
    expect((await ask("one more", "accounts")).error).toBeUndefined();
    expect(held()).toBe(100);
  });

  it("leave a page no gap in what it hears: an account that was let go tells how it stands [S10]", async () => {
    const { ask } = crowd();
    const { state } = await ask("ada", "state");
    for (let n = 0; n < 150; n++) await ask(`junk ${n}`, "adopt", token(n));
    const later = await ask("ada", "state", undefined, { owner: state?.owner, seq: state?.seq });
    expect(later.state?.seq).toBeGreaterThan(state?.seq ?? Infinity);
    expect(later.state?.news).toMatchObject([{ snapshot: { account: "ada" } }]);
  });
});

describe("a generation that is none", () => {
  it.each(["1.5", "-1e999", "1e999", "9007199254740992", '"1"', "null", "{}", "[1]"])(
    "%s rejects no token, and keeps nobody waiting [S10 P12]",
    async (generation) => {
      const { ask, api } = crowd();
      await ask("ada", "signIn", credentials);
      const { value } = await ask("ada", "token", { url: VMS });
      const { sessionId } = value as { sessionId: string };
      const need = `"url":"${VMS}","method":"GET","sessionId":"${sessionId}"`;
      const said = await ask("ada", "token", `[{${need},"generation":${generation}}]`);
      expect(said.value).toMatchObject({ generation: 1 });
      expect(api.to("/refresh")).toEqual([]);
    },
  );

  it("nor does one that was never let through make an endpoint heal for ever [S10 P13]", async () => {
    const { ask, api } = crowd();
    await ask("ada", "signIn", credentials);
    const { value } = await ask("ada", "token", { url: VMS });
    const { sessionId } = value as { sessionId: string };
    const need = { url: VMS, method: "GET", sessionId, passed: Number.MAX_SAFE_INTEGER };
    expect((await ask("ada", "token", { ...need, generation: 1 })).value).toMatchObject({
      generation: 2,
    });
    // The endpoint has rejected what its own 401 brought about: from here on its 401s are the answer.
    expect((await ask("ada", "token", { ...need, generation: 2 })).value).toMatchObject({
      generation: 2,
    });
    expect(api.to("/refresh")).toHaveLength(1);
  });
});
