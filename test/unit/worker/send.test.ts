/** A page's sends, by what its worker is asked for and what goes out. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { VaultRequestInit } from "../../../src/worker.ts";
import { credentials, ORIGIN } from "../../support/fake-api.ts";
import { rejection } from "../../support/vault.ts";
import { connect, odd, real } from "./page-vault.ts";

const VMS = `${ORIGIN}/v1/vms`;

const ticket = (generation: number, sessionId = "session-a"): object => ({
  header: "authorization",
  authorization: `Bearer ${sessionId}-${generation}`,
  sessionId,
  generation,
});

let sent: {
  url: string;
  method: string;
  token: string | null;
  headers: Headers;
  redirect: string;
  body: string;
}[];
let replies: (() => Response)[];
let needs: Record<string, unknown>[];

beforeEach(() => {
  [sent, replies, needs] = [[], [], []];
  vi.stubGlobal("fetch", send);
});

async function send(input: Request): Promise<Response> {
  input.signal.throwIfAborted();
  const { url, method, headers, redirect } = input;
  const token = headers.get("authorization");
  const seen = { url, method, headers: new Headers(headers), token, redirect };
  // An interceptor takes what it was given for its own.
  headers.set("x-own", "spoilt");
  sent.push({ ...seen, body: await input.text() });
  return (replies.shift() ?? ((): Response => new Response()))();
}

/** A page whose worker answers in turn: a ticket, an error, or `{}` for nothing. */
const page = (answers: readonly object[]): ReturnType<typeof connect> => {
  const left = [...answers];
  return connect(() =>
    odd(({ args }) => {
      needs.push(JSON.parse(String(args))[0]);
      const next = left.length > 1 ? left.shift()! : left[0]!;
      return { tokenkeep: 1, ...("sessionId" in next ? { value: next } : next) };
    }),
  );
};

const refused = (): Response => new Response("no", { status: 401 });

/** A reply that the browser has got behind redirects. */
const redirected =
  (url: string, code = 401) =>
  (): Response =>
    Object.defineProperties(new Response(null, { status: code }), {
      redirected: { value: true },
      url: { value: url },
    });

describe("a page's second send", () => {
  it("is made of what it has kept, whatever was done to the first [F68 P11]", async () => {
    replies = [refused];
    const vault = page([ticket(1), ticket(2)]);
    const init = { method: "PUT", body: "first", headers: { "x-own": "kept" } };
    expect((await vault.fetch(VMS, init)).status).toBe(200);
    expect(
      sent.map(({ method, token, headers, body }) => [method, token, headers.get("x-own"), body]),
    ).toEqual([
      ["PUT", "Bearer session-a-1", "kept", "first"],
      ["PUT", "Bearer session-a-2", "kept", "first"],
    ]);
  });

  it("never crosses a session: the 401 is the answer [F103]", async () => {
    replies = [refused];
    const vault = page([ticket(1), ticket(2, "session-b")]);
    const response = await vault.fetch(VMS, { method: "POST", body: "alice's" });
    expect([response.status, await response.text()]).toEqual([401, "no"]);
    expect(sent).toHaveLength(1);
  });

  it("is not made where the worker has no newer token: the 401 is the answer [F51]", async () => {
    replies = [refused];
    const vault = page([ticket(1), {}]);
    expect((await vault.fetch(VMS)).status).toBe(401);
    expect(sent).toHaveLength(1);
  });

  it("is not made where the session has ended: the call says so [P9]", async () => {
    replies = [refused];
    const ended = page([ticket(1), { error: { code: "sign_in_required", message: "Again" } }]);
    expect(await rejection(ended.fetch(VMS))).toMatchObject({ code: "sign_in_required" });
  });

  it("is asked for with how long the call has waited [F51]", async () => {
    replies = [refused];
    const vault = page([ticket(1), ticket(2)]);
    await vault.fetch(VMS);
    expect(needs.map(({ waited }) => typeof waited)).toEqual(["undefined", "number"]);
  });

  it.each([
    ["an unlisted host", "https://evil.test/", "GET", 1, 1],
    ["another port", "https://api.acme.test:8443/v1", "GET", 1, 1],
    ["the request's origin", `${ORIGIN}/moved`, "GET", 2, 2],
    ["the request's origin", `${ORIGIN}/moved`, "POST", 2, 1],
  ])(
    "after a redirect to %s (%s): a %s asks %i times in all and sends %i times [F62 S18]",
    async (_, url, method, asks, sends) => {
      replies = [redirected(url)];
      const vault = page([ticket(1), ticket(2)]);
      const response = await vault.fetch(VMS, { method });
      expect(response.status).toBe(sends === 2 ? 200 : 401);
      expect(sent).toHaveLength(sends);
      await vi.waitFor(() => expect(needs).toHaveLength(asks));
    },
  );
});

describe("what a page's worker learns of an endpoint", () => {
  it("is the method, and which generation it has let through last [F42]", async () => {
    const vault = page([ticket(1), ticket(1), ticket(2)]);
    await vault.fetch(`${VMS}?page=1`);
    replies = [refused];
    await vault.fetch(`${VMS}?page=2`);
    expect(needs.map(({ method, generation, passed }) => [method, generation, passed])).toEqual([
      ["GET", undefined, undefined],
      ["GET", undefined, undefined],
      ["GET", 1, 1],
    ]);
    replies = [refused];
    const init: VaultRequestInit = { method: "POST", body: "x" };
    await vault.fetch(VMS, init);
    expect(needs.at(-1)).toMatchObject({ method: "POST", generation: 2 });
    expect(needs.at(-1)).not.toHaveProperty("passed");
  });

  it("is that of the request that was asked for, whatever was done to the request [F42 F68]", async () => {
    const vault = page([ticket(1)]);
    const spoils = async (request: Request | URL | string): Promise<Response> => {
      Object.defineProperty(request, "method", { value: "DELETE" });
      return new Response();
    };
    await vault.fetch(VMS, { fetch: spoils });
    replies = [refused];
    await vault.fetch(VMS);
    expect(needs.at(-1)).toMatchObject({ method: "GET", passed: 1 });
  });

  it.each([500, 503])("is nothing of a %i [F42]", async (code) => {
    replies = [(): Response => new Response(null, { status: code }), refused];
    const vault = page([ticket(1)]);
    await vault.fetch(VMS);
    await vault.fetch(VMS);
    expect(needs.at(-1)).toMatchObject({ generation: 1 });
    expect(needs.at(-1)).not.toHaveProperty("passed");
  });
});

describe("a page's request", () => {
  it("from an init with accessors is read as Request reads it [F90]", async () => {
    class Own {
      // Not to be read through a stand-in.
      readonly #body = "by an accessor";
      get method(): string {
        return "PUT";
      }
      get body(): string {
        return this.#body;
      }
    }
    const vault = page([ticket(1)]);
    await vault.fetch(VMS, new Own());
    expect(sent).toMatchObject([{ method: "PUT", body: "by an accessor" }]);
  });

  it.each([
    ["data:", (): string => `data:text/plain,${"x".repeat(70_000)}`],
    ["blob:", (): string => URL.createObjectURL(new Blob(["x"]))],
  ])("to %s is fetched without a question to the worker, however long it is", async (_, make) => {
    const vault = page([ticket(1)]);
    const address = make();
    expect((await vault.fetch(address)).status).toBe(200);
    expect(needs).toEqual([]);
    expect(sent).toMatchObject([{ url: address, token: null }]);
  });

  it("from a frozen init with a body that is made anew is sent with that, both times [P11]", async () => {
    replies = [refused];
    const vault = page([ticket(1), ticket(2)]);
    const body = vi.fn<() => ReadableStream>(() => new Blob(["made"]).stream());
    const init: VaultRequestInit = Object.freeze({ method: "PUT", body });
    expect((await vault.fetch(VMS, init)).status).toBe(200);
    expect(sent.map((one) => one.body)).toEqual(["made", "made"]);
    expect(body).toHaveBeenCalledTimes(2);
  });

  it("with keepalive says so beside the Request, for Firefox, and keeps its referrer [F91]", async () => {
    const vault = page([ticket(1), {}]);
    const inits: unknown[] = [];
    const notes = async (_: unknown, init?: RequestInit): Promise<Response> => {
      inits.push(init);
      return new Response();
    };
    const init: VaultRequestInit = { keepalive: true, referrerPolicy: "origin", fetch: notes };
    await vault.fetch(VMS, init);
    await vault.fetch("https://elsewhere.test/", init);
    await vault.fetch(VMS, { fetch: notes });
    const kept = { keepalive: true, referrer: "about:client", referrerPolicy: "origin" };
    expect(inits).toEqual([kept, kept, undefined]);
  });

  it("that is a Request lets go of its signal for an init that says `null` [F90]", async () => {
    const vault = page([ticket(1)]);
    const request = new Request(VMS, { signal: AbortSignal.abort() });
    expect((await rejection(vault.fetch(request))).name).toBe("AbortError");
    expect((await vault.fetch(request, { signal: null })).status).toBe(200);
  });

  it("that is a Request keeps its own bytes within the limit, and is sent once beyond it [F100 P11]", async () => {
    const post = (text: string): Request => new Request(VMS, { method: "POST", body: text });
    const vault = page([1, 2, 3, 4].map((generation) => ticket(generation)));
    replies = [refused];
    expect((await vault.fetch(post("short"))).status).toBe(200);
    expect(sent.map((one) => one.body)).toEqual(["short", "short"]);
    sent = [];
    replies = [refused];
    expect((await vault.fetch(post("x".repeat(1_048_577)))).status).toBe(401);
    expect(sent).toHaveLength(1);
  });
});

describe("a page's request whose token goes into another header", () => {
  const keyed = { ...ticket(1), header: "x-api-key", authorization: "key-1" };

  it("has it there, with the caller's own Authorization beside it [S6]", async () => {
    const vault = page([keyed]);
    await vault.fetch(VMS, { headers: { Authorization: "Basic YTpi" } });
    expect(sent[0]!.token).toBe("Basic YTpi");
    expect(sent[0]!.headers.get("x-api-key")).toBe("key-1");
    expect(needs).toMatchObject([{ headers: ["authorization"] }]);
  });

  it.each<[RequestInit["redirect"], string]>([
    [undefined, "error"],
    ["follow", "error"],
    ["manual", "manual"],
    ["error", "error"],
  ])(
    "is not followed by the browser: mode %s goes out as %s, all else as it was [S2]",
    async (redirect, mode) => {
      replies = [refused];
      const vault = page([keyed, { ...keyed, authorization: "key-2", generation: 2 }]);
      const init = { method: "PUT", body: "own", headers: { "x-own": "own" } };
      await vault.fetch(VMS, { ...init, ...(redirect && { redirect }) });
      const seen = sent.map((one) => [
        one.redirect,
        one.method,
        one.body,
        one.headers.get("x-own"),
        one.headers.get("x-api-key"),
      ]);
      expect(seen).toEqual([
        [mode, "PUT", "own", "own", "key-1"],
        [mode, "PUT", "own", "own", "key-2"],
      ]);
    },
  );

  it("goes out as it was where the worker gives no token [S1 S6]", async () => {
    const vault = page([{}]);
    await vault.fetch(VMS, { headers: { "x-api-key": "own" } });
    expect(sent).toMatchObject([{ redirect: "follow" }]);
    expect(sent[0]!.headers.get("x-api-key")).toBe("own");
  });
});

describe("a page's waitUntil that throws, because its event has ended", () => {
  it("fails no call [P14 F31]", async () => {
    const { vault, api } = real();
    await vault.signIn(credentials);
    api.expire();
    const waitUntil = (): never => {
      throw new Error("The event has ended");
    };
    expect((await vault.fetch(VMS, { waitUntil })).status).toBe(200);
  });
});
