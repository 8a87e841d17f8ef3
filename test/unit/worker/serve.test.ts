/** A worker's part: what it answers to whom, and to what it answers nothing. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { ServedVault, ServeOptions } from "../../../src/worker.ts";
import type { PasswordCredentials } from "../../../src/providers/password.ts";
import { clockAhead, settle } from "../../support/clock.ts";
import {
  acme,
  credentials,
  fakeApi,
  type FakeApi,
  jwt,
  ORIGIN,
  reply,
} from "../../support/fake-api.ts";
import { findSecrets } from "../../support/secrets.ts";

type Listener = (event: unknown) => void;

interface Answered {
  readonly tokenkeep: number;
  readonly value?: unknown;
  readonly error?: { code: string; message: string };
  readonly state?: Record<string, unknown>;
}

let api: FakeApi;
let heard: Map<string, Listener>;
const channels: { close(): void }[] = [];

beforeEach(() => {
  api = fakeApi();
  heard = new Map();
  vi.stubGlobal("addEventListener", (type: string, listener: Listener) =>
    heard.set(type, listener),
  );
  // Each test is a worker of its own.
  vi.resetModules();
});

afterEach(() => {
  vi.unstubAllGlobals();
  for (const one of channels.splice(0)) one.close();
});

async function serve(
  options: Partial<ServeOptions<PasswordCredentials>> = {},
): Promise<ServedVault> {
  const { serveVault } = await import("../../../src/worker.ts");
  return serveVault({ provider: acme(), store: memoryStore(), fetch: api.fetch, ...options });
}

const question = (type: string, ...args: unknown[]): Record<string, unknown> => ({
  tokenkeep: 1,
  type,
  account: "default",
  args: JSON.stringify(args),
});

/** Posts to the worker as a page does, and waits for what it says. */
function post(data: unknown, more: object = {}): Promise<Answered> {
  const { port1, port2 } = new MessageChannel();
  channels.push(port1);
  return new Promise((resolve) => {
    port1.onmessage = (event) => resolve(event.data);
    heard.get("message")!({ data, ports: [port2], ...more });
  });
}

/** The same, where nothing should be said: not within as many turns as any answer needs. */
async function silence(data: unknown): Promise<boolean> {
  const said = post(data).then(() => false);
  for (let turn = 0; turn < 20; turn++) await settle();
  return Promise.race([said, Promise.resolve(true)]);
}

const code = async (data: unknown): Promise<string | undefined> => (await post(data)).error?.code;

describe("a question", () => {
  it("that is none is not answered: it may be the application's own [S10]", async () => {
    await serve();
    for (const data of [undefined, null, "state", 5, [], {}, { type: "state" }])
      expect(await silence(data)).toBe(true);
    expect(await silence(question("state"))).toBe(false);
    // Nor one without a port to answer on.
    heard.get("message")!({ data: question("state"), ports: [] });
  });

  it.each<[string, object]>([
    ["no account", { account: undefined }],
    ["an empty account", { account: "" }],
    ["a long account", { account: "a".repeat(257) }],
    ["an account that is no text", { account: ["a"] }],
    ["half a character as its account", { account: "a\ud800" }],
    ["arguments that are no text", { args: [] }],
    ["arguments that are no JSON", { args: "[" }],
    ["arguments that are no list", { args: "{}" }],
    ["too long arguments", { args: JSON.stringify(["x".repeat(65_536)]) }],
  ])("with %s is refused [S10]", async (_, wrong) => {
    await serve();
    const answer = await post({ ...question("state"), ...wrong });
    expect(answer.error?.code).toMatch(/^(invalid_option|store_unavailable)$/);
    expect(answer.state).toBeUndefined();
  });

  it.each(["constructor", "__proto__", "toString", "close", "fetch", "snapshot", ""])(
    "of a type that is none, %s, is refused [S10]",
    async (type) => {
      await serve();
      expect(await code(question(type))).toBe("worker_unavailable");
    },
  );

  it("of another version is told so, and nothing is done [S10]", async () => {
    await serve();
    const answer = await post({ ...question("signIn", credentials), tokenkeep: 2 });
    expect(answer).toMatchObject({ tokenkeep: 1, error: { code: "worker_unavailable" } });
    expect(answer.state).toBeUndefined();
    expect(api.calls).toEqual([]);
  });

  it("is answered only where the options will do: a store that cannot compare will not", async () => {
    const store = { ...memoryStore(), atomic: false };
    await expect(serve({ store, provider: acme({ rotation: "strict" }) })).rejects.toMatchObject({
      code: "invalid_option",
    });
  });

  it("is answered by one vault alone", async () => {
    await serve();
    await expect(serve()).rejects.toMatchObject({ code: "invalid_option" });
  });
});

describe("a token", () => {
  it("is given for listed URLs only, whatever the page makes of them [S1]", async () => {
    await serve();
    await post(question("signIn", credentials));
    const ask = async (url: unknown): Promise<unknown> =>
      (await post(question("token", { url }))).value;
    expect(await ask(`${ORIGIN}/v1/vms`)).toMatchObject({
      authorization: "Bearer access-1-secret",
      generation: 1,
    });
    for (const url of [
      "https://evil.test/",
      `${ORIGIN}.evil.test/`,
      `${ORIGIN}@evil.test/`,
      "http://api.acme.test/",
      "",
      null,
      {},
    ])
      expect(await ask(url)).toBeUndefined();
  });

  it("is all that crosses: nothing else holds a secret [S7 S4]", async () => {
    await serve();
    const all = [
      await post(question("signIn", credentials)),
      await post(question("state")),
      await post(question("accounts")),
      await post(question("signIn", { ...credentials, password: "wrong-secret" })),
      await post(question("adopt", { accessToken: "with space-secret" })),
      await post(question("removeAccount", { account: "x-secret" })),
      await post(question("signOut")),
    ];
    expect(all.map((answer) => answer.tokenkeep)).toEqual(all.map(() => 1));
    const secrets = ["access-1-secret", "refresh-1-secret", credentials.password, "-secret"];
    expect(findSecrets(all, secrets)).toEqual([]);
  });

  it("a rejection that names another session's starts no refresh [P12 S11]", async () => {
    await serve();
    await post(question("signIn", credentials));
    const url = `${ORIGIN}/v1/vms`;
    const ask = async (rejected: object): Promise<unknown> =>
      (await post(question("token", { url, ...rejected }))).value;
    expect(await ask({ sessionId: "another", generation: 1 })).toMatchObject({ generation: 1 });
    expect(await ask({ sessionId: { evil: 1 }, generation: "NaN" })).toMatchObject({
      generation: 1,
    });
    expect(api.to("/refresh")).toHaveLength(0);
  });
});

describe("a token that is signed here", () => {
  const url = `${ORIGIN}/v1/vms`;
  const signer = {
    ...acme(),
    signIn: async (_: unknown, { now }: { now(): number }) => sign(now()),
    renew: async (_: unknown, { now }: { now(): number }) => sign(now()),
    renewal: { rotation: "none", needsRefreshToken: false, selfSigned: true },
  } as ServeOptions<PasswordCredentials>["provider"];
  const sign = (now: number): object => ({
    type: "granted",
    grant: { accessToken: jwt({ iat: now }), expiresIn: 3_600 },
  });
  const iatOf = ({ value }: Answered): number => {
    const { authorization } = value as { authorization: string };
    return JSON.parse(atob(authorization.split(".")[1]!)).iat;
  };

  it.each<[unknown, boolean]>([
    [Date.now() + 20 * 3_600_000, true],
    [Date.UTC(2036, 0), false],
    [Date.UTC(2200, 0), false],
    ["2036-01-01", false],
    [-1, false],
    [0, false],
    [1e300, false],
    [null, false],
    [{}, false],
    [undefined, false],
  ])(
    "is signed by the time of its 401, if that is within a day: %o [F16 F64 S10]",
    async (date, isTime) => {
      await serve({ provider: signer });
      await post(question("signIn", credentials));
      const first = (await post(question("token", { url }))).value as object;
      const next = await post(question("token", { ...first, url, date }));
      const far = iatOf(next) - Date.now() > 3_600_000;
      expect(far).toBe(isTime);
      const { clockError } = next.value as { clockError?: object };
      expect(clockError).toEqual(
        isTime ? undefined : expect.objectContaining({ code: "clock_unknown", status: 401 }),
      );
    },
  );
});

/** A service worker's scope, with one page that it controls. */
function beServiceWorker(): void {
  vi.stubGlobal("registration", {});
  vi.stubGlobal("clients", {
    claim: async () => {},
    matchAll: async () => [{ id: "controlled" }],
  });
}

/** An event that notes what holds it. */
function event(data: object): { held: Promise<unknown>[]; waitUntil(p: Promise<unknown>): void } {
  const held: Promise<unknown>[] = [];
  return { ...data, held, waitUntil: (promise) => void held.push(promise) };
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => (settled = true));
  await settle();
  return settled;
}

describe("a service worker", () => {
  it("is held by the event that began a refresh, until that is committed [F31 P5]", async () => {
    beServiceWorker();
    await serve();
    await post(question("signIn", credentials), event({}));
    api.expire();
    let answer!: (response: Response) => void;
    api.refresh = () => new Promise((resolve) => (answer = resolve));
    const message = event({});
    const url = `${ORIGIN}/v1/vms`;
    const token = (await post(question("token", { url })))!.value as { sessionId: string };
    const asked = post(
      question("token", { url, sessionId: token.sessionId, generation: 1 }),
      message,
    );
    await vi.waitFor(() => expect(api.to("/refresh")).toHaveLength(1));
    expect(message.held.length).toBeGreaterThan(1);
    expect(await isSettled(Promise.all(message.held))).toBe(false);
    answer(reply(200, { access_token: "access-2", refresh_token: "r", expires_in: 3600 }));
    expect((await asked).value).toMatchObject({ generation: 2 });
    expect(await isSettled(Promise.all(message.held))).toBe(true);
  });

  it("begins no refresh that no event would hold [F39]", async () => {
    beServiceWorker();
    let look!: () => void;
    let now = 0;
    const clock = clockAhead(() => now);
    await serve({
      clock,
      onWake(listener) {
        look = listener;
        return () => {};
      },
    });
    await post(question("signIn", credentials), event({}));
    await settle();
    // Past the soft time: a look would renew in passing.
    now = 3_400_000;
    look();
    for (let turn = 0; turn < 10; turn++) await settle();
    expect(api.to("/refresh")).toHaveLength(0);
    // In a page's event it does.
    await post(question("state", true), event({}));
    await vi.waitFor(() => expect(api.to("/refresh")).toHaveLength(1));
  });

  const fetchEvent = (
    request: Request,
  ): ReturnType<typeof event> & {
    request: Request;
    answer: Promise<Response> | undefined;
    respondWith(response: Promise<Response>): void;
  } => {
    const one = event({}) as ReturnType<typeof fetchEvent>;
    return Object.assign(one, {
      request,
      answer: undefined,
      respondWith: (response: Promise<Response>) => void (one.answer = response),
    });
  };

  it("attaches tokens to what may have one, and leaves all else alone [S1 S6]", async () => {
    beServiceWorker();
    const served = await serve({ isolated: true });
    await post(question("signIn", credentials), event({}));
    const take = (request: Request): boolean =>
      served.attachTokens(fetchEvent(request) as unknown as Event);
    const mine = { authorization: "Bearer mine" };
    expect(take(new Request("https://evil.test/"))).toBe(false);
    expect(take(new Request(`${ORIGIN}/v1`, { headers: mine }))).toBe(false);
    expect(take(new Request(`${ORIGIN}/v1`, { mode: "no-cors" }))).toBe(false);
    const navigation = new Request(`${ORIGIN}/v1`);
    Object.defineProperty(navigation, "mode", { value: "navigate" });
    expect(take(navigation)).toBe(false);
    for (const destination of ["script", "image", "font", "worker", "style"]) {
      const file = new Request(`${ORIGIN}/v1`);
      Object.defineProperty(file, "destination", { value: destination });
      expect(take(file)).toBe(false);
    }
    expect(api.calls.filter(({ url }) => !url.endsWith("/login"))).toEqual([]);

    const one = fetchEvent(new Request(`${ORIGIN}/v1/vms`));
    expect(served.attachTokens(one as unknown as Event)).toBe(true);
    expect((await one.answer)!.status).toBe(200);
    expect(one.held.length).toBeGreaterThan(0);
    expect(api.calls.at(-1)!.headers.get("authorization")).toBe("Bearer access-1-secret");
  });

  it("a 401 of another host, to which the browser was redirected, refreshes nothing and sends nothing again [F62 S18]", async () => {
    beServiceWorker();
    const served = await serve({ isolated: true });
    await post(question("signIn", credentials), event({}));
    for (const url of ["https://evil.test/", `${ORIGIN}/moved`]) {
      api.api = () =>
        Object.defineProperties(new Response(null, { status: 401 }), {
          redirected: { value: true },
          url: { value: url },
        });
      const init = { method: "POST", body: "pay" };
      const one = fetchEvent(new Request(`${ORIGIN}/v1/pay`, init));
      served.attachTokens(one as unknown as Event);
      expect((await one.answer)!.status).toBe(401);
      await Promise.all(one.held);
      // The next call may be told of the second one's: its host is ours.
      const begun = url.startsWith(ORIGIN) ? 1 : 0;
      await vi.waitFor(() => expect(api.to("/refresh")).toHaveLength(begun));
    }
    expect(api.to("/v1/pay").map(({ body }) => body)).toEqual(["pay", "pay"]);
  });

  it.each<[string, number, (api: FakeApi) => void]>([
    ["sign_in_required", 401, ({ refresh: _, ...rest }) => void rest],
    ["store_unavailable", 503, () => {}],
  ])("says %s in a reply of status %i, which crosses to the page [P10]", async (wanted, status) => {
    beServiceWorker();
    const store = memoryStore();
    const broken = wanted === "store_unavailable";
    const away = (): Promise<never> => Promise.reject(new Error("gone-secret"));
    const served = await serve({
      isolated: true,
      patience: 50,
      store: broken ? { ...store, read: away, head: away, write: away } : store,
    });
    if (!broken) {
      await post(question("signIn", credentials), event({}));
      api.refresh = () => reply(401, {});
      api.expire();
    }
    const one = fetchEvent(new Request(`${ORIGIN}/v1/vms`));
    served.attachTokens(one as unknown as Event);
    const response = (await one.answer)!;
    expect(response.status).toBe(status);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ error: { code: wanted } });
    expect(text).not.toContain("secret");
  });

  it("under isolation gives no token to any page, and tells who is not controlled [S7]", async () => {
    beServiceWorker();
    await serve({ isolated: true });
    await post(question("signIn", credentials), event({}));
    for (const type of ["getToken", "authorization"])
      expect(await code(question(type, {}))).toBe("invalid_option");
    const url = `${ORIGIN}/v1/vms`;
    const from = (id: string): Promise<Answered> =>
      post(question("token", { url }), { ...event({}), source: { id } });
    expect(await from("controlled")).toMatchObject({ tokenkeep: 1 });
    expect((await from("controlled"))!.value).toBeUndefined();
    expect((await from("controlled"))!.error).toBeUndefined();
    expect((await from("another"))!.error).toMatchObject({ code: "worker_unavailable" });
  });

  it("isolation is refused where nothing could attach the tokens [S7]", async () => {
    await expect(serve({ isolated: true })).rejects.toMatchObject({ code: "invalid_option" });
  });
});
