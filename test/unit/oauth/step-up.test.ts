/** An API that wants more than the token shows: the user logs in for it, and the call is sent once more. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { createStepUp, type StepUp, type StepUpOptions, type Steps } from "../../../src/oauth.ts";

const URL_ = "https://api.acme.test/vms";
const OLD = 'Bearer error="insufficient_user_authentication", max_age="60", acr_values="mfa pwd"';
const NARROW = 'Bearer realm="vms", error="insufficient_scope", scope="vms:write"';

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

interface Made {
  readonly vault: { -readonly [member in keyof Steps]: Steps[member] };
  readonly fetch: Steps["fetch"];
  readonly sent: string[];
  readonly asked: StepUp[];
  /** The API is content. */
  isContent: boolean;
  user: string | undefined;
}

function make(challenge: string, status = 401, more: Partial<StepUpOptions> = {}): Made {
  const sent: string[] = [];
  const asked: StepUp[] = [];
  const vault: Made["vault"] = {
    async fetch(input, init) {
      const request = new Request(input, init);
      const { method, url } = request;
      const path = url.replace(URL_, "");
      const mark = request.headers.get("x-mark") ?? "";
      sent.push(`${method} ${path}${mark}${await request.text()}`);
      return made.isContent
        ? new Response("ok")
        : new Response(null, { status, headers: { "www-authenticate": challenge } });
    },
    snapshot: () => ({
      status: made.user ? "signed-in" : "signed-out",
      profile: made.user ? { sub: made.user } : undefined,
    }),
  };
  const made: Made = {
    vault,
    sent,
    asked,
    isContent: false,
    user: "ada",
    fetch: (...request) => fetch(...request),
  };
  const fetch = createStepUp(vault, {
    async onChallenge(wanted) {
      asked.push(wanted);
      made.isContent = true;
    },
    ...more,
  });
  return Object.assign(made, { fetch });
}

describe("a challenge", () => {
  it.each<[string, number, StepUp]>([
    [
      OLD,
      401,
      {
        error: "insufficient_user_authentication",
        maxAge: 60,
        acrValues: "mfa pwd",
        scope: undefined,
      },
    ],
    [
      NARROW,
      403,
      { error: "insufficient_scope", maxAge: undefined, acrValues: undefined, scope: "vms:write" },
    ],
  ])("%s is told, and the call sent once more", async (challenge, status, wanted) => {
    const made = make(challenge, status);
    const response = await made.fetch(new Request(URL_, { method: "POST", body: "a" }));
    expect(await response.text()).toBe("ok");
    expect(made.sent).toEqual(["POST a", "POST a"]);
    expect(made.asked.map((one) => ({ ...one }))).toEqual([wanted]);
  });

  it("is told once for calls that meet it at once", async () => {
    const made = make(OLD);
    const replies = await Promise.all([made.fetch(URL_), made.fetch(URL_), made.fetch(URL_)]);
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(made.asked).toHaveLength(1);
  });

  it("that the API repeats is the answer: nobody is asked twice by one call [P11]", async () => {
    const made = make(OLD, 401, { onChallenge: async (wanted) => void made.asked.push(wanted) });
    expect((await made.fetch(URL_)).status).toBe(401);
    expect([made.sent.length, made.asked.length]).toEqual([2, 1]);
  });

  it.each([["mallory"], [undefined]])(
    "after which %s is signed in is the answer: nothing is sent as somebody else [F103]",
    async (user) => {
      const made = make(OLD, 401, {
        async onChallenge() {
          made.isContent = true;
          made.user = user;
        },
      });
      expect((await made.fetch(URL_)).status).toBe(401);
      expect(made.sent).toHaveLength(1);
    },
  );

  it("that nobody answers is the answer after some time [P10]", async () => {
    vi.useFakeTimers();
    const made = make(OLD, 401, { onChallenge: () => new Promise(() => {}) });
    const answered = made.fetch(URL_);
    await vi.advanceTimersByTimeAsync(300_000);
    expect((await answered).status).toBe(401);
    expect(made.sent).toHaveLength(1);
  });

  it.each(["init", "Request"])(
    "ends for a caller who gives up meanwhile, by the signal of its %s [P14]",
    async (by) => {
      const made = make(OLD, 401, { onChallenge: () => new Promise(() => {}) });
      const caller = new AbortController();
      const { signal } = caller;
      const answered =
        by === "init" ? made.fetch(URL_, { signal }) : made.fetch(new Request(URL_, { signal }));
      const other = made.fetch(URL_);
      await vi.waitFor(() => expect(made.sent).toHaveLength(2), { timeout: 15_000 });
      caller.abort(new Error("given up"));
      await expect(answered).rejects.toThrow("given up");
      // Whoever shares the login waits on.
      expect(await Promise.race([other, "waits"])).toBe("waits");
      expect(made.sent).toHaveLength(2);
    },
  );

  it("goes on where the init takes the Request's signal away by null, as fetch does [P14]", async () => {
    let end = (): void => {};
    const login = new Promise<void>((resolve) => (end = resolve));
    const made = make(OLD, 401, { onChallenge: () => login });
    const caller = new AbortController();
    const request = new Request(URL_, { signal: caller.signal });
    const answered = made.fetch(request, { signal: null });
    await vi.waitFor(() => expect(made.sent).toHaveLength(1), { timeout: 15_000 });
    caller.abort(new Error("of no meaning here"));
    made.isContent = true;
    end();
    expect((await answered).status).toBe(200);
  });

  it.each(["URL and init", "Request"])(
    "is sent once more as it was at the call, whatever its caller does to its %s [P11 F68]",
    async (by) => {
      const url = new URL(`${URL_}/1`);
      const body = new URLSearchParams({ amount: "1" });
      const headers = new Headers({ "x-mark": "!" });
      const init = { method: "POST", body, headers };
      const request = new Request(`${URL_}/1`, { headers });
      const made = make(OLD, 401, {
        async onChallenge() {
          url.pathname = "/vms/2";
          body.set("amount", "1000");
          headers.set("x-mark", "?");
          request.headers.set("x-mark", "?");
          init.method = "PUT";
          made.isContent = true;
        },
      });
      const answered = by === "Request" ? made.fetch(request) : made.fetch(url, init);
      expect((await answered).status).toBe(200);
      const once = by === "Request" ? "GET /1!" : "POST /1!amount=1";
      expect(made.sent).toEqual([once, once]);
    },
  );

  it("of another realm's Request is sent to its address, and once more [F75]", async () => {
    const made = make(OLD);
    const request = new Request(`${URL_}/1`);
    vi.stubGlobal("Request", class extends Request {});
    expect((await made.fetch(request)).status).toBe(200);
    expect(made.sent).toEqual(["GET /1", "GET /1"]);
  });

  it.each(["1e999", "-1", "soon"])("with max_age %s wants no age", async (age) => {
    const made = make(`Bearer error="insufficient_user_authentication", max_age="${age}"`);
    await made.fetch(URL_);
    expect(made.asked.map(({ maxAge }) => maxAge)).toEqual([undefined]);
  });

  it.each([
    ["POST", `${URL_}/2`, 1],
    ["GET", `${URL_}/2`, 2],
    ["GET", "https://evil.test/vms", 1],
  ])(
    "of a %s that was redirected to %s: sent %i times, a POST and a foreign host's word once [S18]",
    async (method, to, times) => {
      const made = make(OLD);
      const { fetch } = made.vault;
      made.vault.fetch = async (...request) => {
        const shown = { redirected: { value: true }, url: { value: to } };
        return Object.defineProperties(await fetch(...request), shown);
      };
      expect((await made.fetch(URL_, { method })).status).toBe(times === 2 ? 200 : 401);
      expect([made.sent.length, made.asked.length]).toEqual([times, times - 1]);
    },
  );

  it("before a body that can be read once is the answer [P11]", async () => {
    const made = make(OLD);
    const body = new Blob(["a"]).stream();
    const init = { method: "POST", body, duplex: "half" } as RequestInit;
    expect((await made.fetch(URL_, init)).status).toBe(401);
    expect([made.sent, made.asked]).toEqual([["POST a"], []]);
  });

  it("before a body that is too long to be kept is the answer [P11 F100]", async () => {
    const made = make(OLD);
    const body = "a".repeat(1_048_577);
    const request = new Request(URL_, { method: "POST", body });
    expect((await made.fetch(request)).status).toBe(401);
    expect(made.sent.map((sent) => sent.length)).toEqual(["POST ".length + body.length]);
    expect(made.asked).toEqual([]);
  });

  it.each([
    ['Bearer error="invalid_token"', 401],
    ['Bearer error="insufficient_quota"', 403],
    [OLD, 500],
    ["", 403],
  ])("that wants no login (%s, %i) is left alone", async (challenge, status) => {
    const made = make(challenge, status);
    expect((await made.fetch(URL_)).status).toBe(status);
    expect([made.sent.length, made.asked]).toEqual([1, []]);
  });
});

it.each([undefined, "login", Promise.resolve()])(
  "an onChallenge that is %s is told at once: a call would be sent again unasked [S17 P11]",
  (onChallenge) => {
    const vault = { fetch: async () => new Response(), snapshot: () => ({ status: "signed-in" }) };
    expect(() => createStepUp(vault, { onChallenge } as never)).toThrow("onChallenge, a function");
  },
);
