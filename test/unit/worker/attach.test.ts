/** Requests that pass through a service worker, and isolation: tokens that never leave it. */
import { describe, expect, it, vi } from "vitest";
import { UNATTACHED } from "../../../src/guard/unattached.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { acme, credentials, type FakeApi, ORIGIN, reply } from "../../support/fake-api.ts";
import {
  type Answered,
  api,
  beServiceWorker,
  code,
  event,
  post,
  question,
  serve,
  VMS,
} from "./worker-part.ts";

describe("a service worker's fetch event", () => {
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
    expect(take(new Request(`${ORIGIN}/v1${UNATTACHED}`))).toBe(false);
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

  it("is announced by a page that may believe in another session: then it is not sent [F103]", async () => {
    beServiceWorker();
    await serve({ isolated: true });
    await post(question("signIn", credentials), event({}));
    const ask = async (begunIn?: string): Promise<unknown> => {
      const need = { url: `${ORIGIN}/v1`, method: "GET", begunIn };
      const { error, value } = await post(
        question("token", need),
        event({ source: { id: "controlled" } }),
      );
      return error?.code ?? value;
    };
    expect(await ask("another")).toBe("session_changed");
    expect(await ask()).toBeUndefined();
  });

  it("takes an account that is missing for no account [S11]", async () => {
    beServiceWorker();
    const served = await serve({ isolated: true });
    await post(question("signIn", credentials), event({}));
    const one = fetchEvent(new Request(`${ORIGIN}/v1/vms`));
    for (const account of [undefined, "", 7])
      expect(() => served.attachTokens(one as unknown as Event, account as string)).toThrow(
        expect.objectContaining({ code: "invalid_option" }),
      );
    expect(one.answer).toBeUndefined();
  });

  it("attaches a token in the provider's own header, which the browser must not carry on [S2 S6]", async () => {
    beServiceWorker();
    const served = await serve({ isolated: true, provider: { ...acme(), header: "X-API-Key" } });
    await post(question("signIn", credentials), event({}));
    api.api = () => reply(200, {});
    const take = async (headers: HeadersInit): Promise<boolean> => {
      const one = fetchEvent(new Request(`${ORIGIN}/v1`, { headers }));
      const isTaken = served.attachTokens(one as unknown as Event);
      await one.answer;
      return isTaken;
    };
    expect(await take({ "x-api-key": "mine" })).toBe(false);
    expect(await take({ authorization: "Bearer mine" })).toBe(true);
    const { headers, init } = api.calls.at(-1)!;
    expect(headers.get("x-api-key")).toBe("access-1-secret");
    expect(headers.get("authorization")).toBe("Bearer mine");
    expect(init).toMatchObject({ redirect: "error" });
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

  it("under isolation a page that asks for one account is not served another's token [S11]", async () => {
    beServiceWorker();
    const served = await serve({ isolated: true });
    await post(question("signIn", credentials), event({}));
    await post({ ...question("signIn", credentials), account: "b" }, event({}));
    // As a vault does when it is made, and when another worker has begun.
    const ask = { ...question("state"), account: "b" };
    expect((await post(ask, { ...event({}), source: { id: "controlled" } })).error).toBeUndefined();
    const pass = async (clientId: string, ...account: string[]): Promise<Response> => {
      const one = Object.assign(event({}), {
        request: new Request(VMS),
        clientId,
        answer: undefined as Promise<Response> | undefined,
        respondWith: (response: Promise<Response>) => void (one.answer = response),
      });
      expect(served.attachTokens(one as unknown as Event, ...(account as [string]))).toBe(true);
      return (await one.answer)!;
    };
    const before = api.to("/v1/vms").length;
    const refused = await pass("controlled");
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error: { code: "invalid_option" } });
    expect(api.to("/v1/vms")).toHaveLength(before);
    expect((await pass("controlled", "b")).status).toBe(200);
    // A page with vaults of both may have both: its listener tells them apart.
    await post(question("state"), { ...event({}), source: { id: "controlled" } });
    expect((await pass("controlled")).status).toBe(200);
    // A page without a vault says nothing of an account.
    expect((await pass("another")).status).toBe(200);
  });

  it("isolation is refused where nothing could attach the tokens [S7]", async () => {
    await expect(serve({ isolated: true })).rejects.toMatchObject({ code: "invalid_option" });
  });
});
