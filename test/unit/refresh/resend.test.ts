/** A resend never crosses a session: one user's request must not go out as another's. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { AccessToken, TokenStore } from "../../../src/types.ts";
import type { Vault } from "../../../src/vault/contract.ts";
import { connectVault, serveVault } from "../../../src/worker.ts";
import { type ManualClock, manualClock, settle } from "../../support/clock.ts";
import { acme, credentials, fakeApi, ORIGIN, reply } from "../../support/fake-api.ts";
import { type Bench, bench, closedAfter, rejection, signedIn, VMS } from "../../support/vault.ts";
import { type Gate, gate, MINUTE, outcome, testChannel, within } from "./faulty-parts.ts";

const bob = { email: "bob@acme.test", password: "correct-horse-secret" };
const order = { method: "POST", body: "alice's order" };

afterEach(() => {
  vi.unstubAllGlobals();
});

/** The 401 to alice's POST waits in the server; a POST after it is taken, and the rest is as usual. */
function busy(api: ReturnType<typeof fakeApi>): Gate {
  const held = gate(() => reply(401, { error: "no" }));
  const usual = api.api;
  api.api = (call, ordinal) => {
    if (call.method !== "POST") return usual(call, ordinal);
    return held.arrived === 0 ? held.answer(call, ordinal) : reply(200, { ok: true });
  };
  return held;
}

const posts = ({ api }: Pick<Bench, "api">): (string | null)[] =>
  api
    .to("/v1/vms")
    .flatMap(({ method, headers, body }) =>
      method === "POST" && body === order.body ? [headers.get("authorization")] : [],
    );

/** The next generation of this vault's session; a 401 waits until some seconds after a commit. */
async function renewed(vault: Bench["vault"], clock: ManualClock): Promise<void> {
  const rejected = await within(clock, MINUTE, vault.getToken());
  expect(await within(clock, MINUTE, vault.getToken({ rejected }))).not.toBe(rejected);
}

/** Alice's POST went out once, as alice's, and its own 401 came back. */
async function expectOnce(api: Bench["api"], response: Response): Promise<void> {
  expect(response.status).toBe(401);
  expect(await response.json()).toEqual({ error: "no" });
  expect(posts({ api })).toEqual(["Bearer access-1-secret"]);
}

/** Alice's POST is on its way; then another context signs out and in as bob. */
async function crossed(
  store: TokenStore,
  swap: (one: Bench, other: Bench) => Promise<unknown>,
  between: (one: Bench) => Promise<unknown> = async () => {},
): Promise<Bench & { response: Response }> {
  const channel = testChannel();
  const clock = manualClock();
  const one = await signedIn({ store, channel, clock });
  const other = bench({ store, channel, clock, api: one.api });
  const held = busy(one.api);
  const posting = one.vault.fetch(VMS, order);
  await settle();
  expect(held.arrived).toBe(1);
  await swap(one, other);
  await settle();
  await between(one);
  held.open();
  return { ...one, response: await within(clock, MINUTE, posting) };
}

describe("a POST that is answered 401 while another user signs in", () => {
  it.each<[string, (one: Bench, other: Bench) => Promise<unknown>]>([
    [
      "in another tab, after a sign-out",
      async (_, { vault }) => {
        await vault.signOut();
        await vault.signIn(bob);
      },
    ],
    ["in another tab, over the session", (_, { vault }) => vault.signIn(bob)],
    [
      "in this tab, after a sign-out",
      async ({ vault }) => {
        await vault.signOut();
        await vault.signIn(bob);
      },
    ],
    ["in this tab, over the session", ({ vault }) => vault.signIn(bob)],
    [
      "in another tab, by adopt()",
      (_, { vault }) => vault.adopt({ accessToken: "access-9-secret", refreshToken: "r-9" }),
    ],
  ])("comes back, and goes out once, as its own user's: %s [F103]", async (_, swap) => {
    const { api, response, vault, clock } = await crossed(memoryStore(), swap);
    await expectOnce(api, response);
    // Nothing of it has cost bob a refresh, and bob is served.
    expect(api.to("/refresh")).toHaveLength(0);
    api.api = () => reply(200, {});
    expect((await within(clock, MINUTE, vault.fetch(VMS))).status).toBe(200);
    expect(api.calls.at(-1)!.headers.get("authorization")).not.toBe("Bearer access-1-secret");
  });

  it("comes back, though this tab had served the other user in between [F103]", async () => {
    const { api, response } = await crossed(
      memoryStore(),
      async (_, { vault }) => {
        await vault.signOut();
        await vault.signIn(bob);
      },
      ({ vault }) => vault.fetch(`${ORIGIN}/v1/me`),
    );
    await expectOnce(api, response);
  });

  it("comes back, where nobody signs in after the sign-out [F103 S14]", async () => {
    const { api, response } = await crossed(memoryStore(), (_, { vault }) => vault.signOut()).catch(
      (error: unknown) => ({ api: undefined, response: error as never }),
    );
    // A typed error would do as well: what counts is that nothing is sent.
    if (api) await expectOnce(api, response);
    else expect(response).toMatchObject({ code: "no_session" });
  });

  it("comes back, where the other user comes while the refresh is on its way [F103]", async () => {
    const clock = manualClock();
    const { vault, api } = await signedIn({ clock });
    await clock.advance(MINUTE);
    const refresh = gate(api.refresh);
    api.refresh = refresh.answer;
    api.expire();
    const posting = vault.fetch(VMS, order);
    await settle();
    expect(refresh.arrived).toBe(1);
    await vault.signIn(bob);
    refresh.open();
    await expectOnce(api, await within(clock, MINUTE, posting));
  });

  it("is sent again for the same user, whose token was refreshed elsewhere [P12]", async () => {
    const { api, response } = await crossed(memoryStore(), async (_, { vault, clock }) => {
      await renewed(vault, clock);
    });
    expect(response.status).toBe(200);
    expect(posts({ api })).toEqual(["Bearer access-1-secret", "Bearer access-2-secret"]);
  });
});

/** Two pages of one worker; alice is signed in by the first of them. */
async function twoPages() {
  const api = fakeApi();
  vi.stubGlobal("fetch", api.fetch);
  const served = serveVault({ provider: acme(), store: memoryStore(), fetch: api.fetch });
  const connect = (): Vault<typeof bob> => closedAfter(connectVault<typeof bob>(() => served));
  const [page, other] = [connect(), connect()];
  await page.signIn(credentials);
  return { api, page, other };
}

describe("a POST of a page whose vault is in a worker", () => {
  it.each([
    ["after a sign-out", true],
    ["over the session", false],
  ])("comes back, and goes out once, as its own user's: bob signs in %s [F103]", async (_, out) => {
    const { api, page, other } = await twoPages();
    const held = busy(api);
    const posting = page.fetch(VMS, order);
    await vi.waitFor(() => expect(held.arrived).toBe(1));
    if (out) await other.signOut();
    await other.signIn(bob);
    held.open();
    await expectOnce(api, await posting);
    api.api = () => reply(200, {});
    expect((await page.fetch(VMS)).status).toBe(200);
    expect(api.calls.at(-1)!.headers.get("authorization")).toBe("Bearer access-2-secret");
  });
});

describe("a page that has not heard yet that somebody else has signed in", () => {
  /** The page hears nothing between its questions, as a frozen page does. */
  async function behind() {
    vi.stubGlobal("BroadcastChannel", undefined);
    const { api, page, other } = await twoPages();
    await other.signOut();
    await other.signIn(bob);
    return { api, page };
  }

  it.each<[string, (page: Vault<typeof bob>) => Promise<unknown>]>([
    ["fetch", (page) => page.fetch(VMS, order)],
    ["getToken", (page) => page.getToken()],
    ["getToken after a 401", (page) => page.getToken({ rejected: "access-1-secret" })],
    ["authorization", (page) => page.authorization()],
  ])("is told so by %s, and sends nothing as theirs [F103]", async (_, ask) => {
    const { api, page } = await behind();
    const error = await rejection(ask(page));
    expect(error).toMatchObject({ code: "session_changed" });
    expect(posts({ api })).toEqual([]);
    // It has heard so by now.
    expect((await page.fetch(VMS)).status).toBe(200);
    expect(api.calls.at(-1)!.headers.get("authorization")).toBe("Bearer access-2-secret");
  });
});

describe("a POST that an isolated service worker sends for its page", () => {
  it.each([
    ["its own page", 0],
    ["another page", 1],
  ])(
    "comes back, and goes out once, as its own user's: bob signs in on %s [F103]",
    async (_, by) => {
      vi.stubGlobal("registration", {});
      vi.stubGlobal("clients", { claim: async () => {}, matchAll: async () => [] });
      vi.stubGlobal("addEventListener", undefined);
      const api = fakeApi();
      const served = serveVault({
        provider: acme(),
        store: memoryStore(),
        fetch: api.fetch,
        isolated: true,
        lock: undefined,
        channel: undefined,
      } as never);
      const connect = (): Vault<typeof bob> => closedAfter(connectVault<typeof bob>(() => served));
      const pages = [connect(), connect()] as const;
      const [page] = pages;
      vi.stubGlobal("navigator", {
        onLine: true,
        serviceWorker: Object.assign(new EventTarget(), { controller: {} }),
      });
      await page.signIn(credentials);
      const held = busy(api);
      async function send(init: RequestInit): Promise<Response> {
        let response: Promise<Response> | undefined;
        const event = Object.assign(new Event("fetch"), {
          request: new Request(VMS, init),
          waitUntil() {},
          respondWith: (answer: Promise<Response>) => void (response = answer),
        });
        expect(served.attachTokens(event)).toBe(true);
        return response!;
      }
      const response = send(order);
      await vi.waitFor(() => expect(held.arrived).toBe(1));
      await pages[by]!.signOut();
      await pages[by]!.signIn(bob);
      held.open();
      await expectOnce(api, await response);
      // Nothing of it has cost bob a refresh, and bob is served.
      expect(api.to("/v1/vms")).toHaveLength(1);
      expect(api.to("/refresh")).toHaveLength(0);
      expect((await send({})).status).toBe(200);
      expect(api.calls.at(-1)!.headers.get("authorization")).toBe("Bearer access-2-secret");
    },
  );
});

describe("a token source that answers with another session's token", () => {
  it("makes no resend, whatever its generation is [F103]", async () => {
    const store = memoryStore();
    const one = await signedIn({ store });
    const names: Partial<AccessToken>[] = [];
    one.vault.events(({ type, sessionId, generation }) => {
      if (type === "retried") names.push({ sessionId: sessionId!, generation: generation! });
    });
    const held = busy(one.api);
    const posting = one.vault.fetch(VMS, order);
    await settle();
    const other = bench({ store, clock: one.clock, api: one.api });
    await other.vault.signIn(bob);
    // Bob's second generation is no newer one of alice's.
    await renewed(other.vault, one.clock);
    held.open();
    await expectOnce(one.api, await within(one.clock, MINUTE, posting));
    expect(names).toEqual([]);
  });

  it("rejects a getToken({ rejected }) of an ended session with no other user's token [F103]", async () => {
    const store = memoryStore();
    const one = await signedIn({ store });
    const token = await one.vault.getToken();
    await one.vault.signOut();
    expect(await rejection(one.vault.getToken({ rejected: token }))).toMatchObject({
      code: "no_session",
    });
    expect(await within(one.clock, MINUTE, outcome(one.vault.fetch(VMS, order)))).toBe(
      "no_session",
    );
    expect(posts(one)).toEqual([]);
  });
});
