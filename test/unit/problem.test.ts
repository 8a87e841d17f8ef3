/** Reading error replies: the shapes of the five APIs' pages, and whatever else servers send. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { readProblem } from "../../src/index.ts";

const respond = (
  body: BodyInit | object | null,
  status = 401,
  headers: HeadersInit = {},
): Response =>
  body === null || typeof body === "string" || body instanceof ReadableStream
    ? new Response(body as BodyInit, { status, headers })
    : Response.json(body, { status, headers });

describe("the shapes of the pages", () => {
  it.each([
    // apis/simplismart.md, apis/artos.md
    [401, { detail: "Invalid token." }, { message: "Invalid token." }],
    [
      403,
      { detail: "User has no organization or not authorized" },
      { message: "User has no organization or not authorized" },
    ],
    // apis/qovery.md
    [
      401,
      { status: 401, error: "Unauthorized", message: "Invalid or missing authentication token" },
      { code: "Unauthorized", message: "Invalid or missing authentication token" },
    ],
    // apis/clary.md
    [
      401,
      { error: { code: "unauthorized", message: "Invalid API key" } },
      { code: "unauthorized", message: "Invalid API key" },
    ],
    // apis/vmcloud.md names codes and descriptions; the shape is assumed.
    [
      429,
      { error: { code: 429, message: "Rate limit exceeded" } },
      { code: "429", message: "Rate limit exceeded" },
    ],
    // RFC 6749 §5.2
    [
      400,
      { error: "invalid_grant", error_description: "Token revoked" },
      { code: "invalid_grant", message: "Token revoked" },
    ],
    // RFC 9457
    [
      403,
      { type: "https://x.test/no-credit", title: "No credit", detail: "30 needed", status: 403 },
      { code: "https://x.test/no-credit", message: "30 needed" },
    ],
  ])("%i %j", async (status, body, expected) => {
    expect(await readProblem(respond(body, status))).toEqual({ status, ...expected });
  });
});

it("a member that says nothing does not hide one that does", async () => {
  const body = { error: "", code: "", message: "", detail: "The reason", type: "t" };
  expect(await readProblem(respond(body))).toEqual({
    status: 401,
    code: "t",
    message: "The reason",
  });
});

describe("anything else gives the status alone", () => {
  it.each([
    ["nothing", null],
    ["empty text", ""],
    ["HTML", "<!doctype html><h1>403</h1>"],
    ["broken JSON", '{"message":'],
    ["an array", "[1]"],
    ["a text", '"message"'],
    ["null", "null"],
    ["members of the wrong types", '{"code":{},"message":[1],"error":true,"detail":null}'],
    ["the prototype's names", '{"__proto__":{"message":"from a prototype"}}'],
  ])("%s", async (_, body) => {
    expect(await readProblem(respond(body, 502))).toEqual({ status: 502 });
  });

  it("a body that was read already, and one that breaks off", async () => {
    const used = respond({ message: "gone" });
    await used.text();
    expect(await readProblem(used)).toEqual({ status: 401 });
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("cut")) });
    expect(await readProblem(respond(broken))).toEqual({ status: 401 });
  });

  it("an opaque response of a browser", async () => {
    expect(await readProblem(Response.error())).toEqual({ status: 0 });
  });
});

describe("what is not to be trusted", () => {
  it("the body stays readable [S10]", async () => {
    const response = respond({ detail: "x" });
    await readProblem(response);
    expect(response.bodyUsed).toBe(false);
    expect(await response.json()).toEqual({ detail: "x" });
  });

  it("long texts are cut [S10]", async () => {
    const { message, code } = await readProblem(
      respond({ message: "m".repeat(20_000), code: "c".repeat(20_000) }),
    );
    expect(message).toHaveLength(1_000);
    expect(code).toHaveLength(1_000);
  });

  it("a body without end is not read to its end [S10]", async () => {
    let chunks = 0;
    const chunk = new TextEncoder().encode(" ".repeat(65_536));
    const endless = new ReadableStream({
      pull(controller) {
        // Far more than any error, but an end: what reads it all shall not hang the tests.
        if ((chunks += 1) > 500) controller.close();
        else controller.enqueue(chunk);
      },
    });
    expect(await readProblem(respond(endless, 500))).toEqual({ status: 500 });
    expect(chunks).toBeLessThan(20);
  });
});

describe("a body that never ends", () => {
  const endless = (...parts: string[]): ReadableStream =>
    new ReadableStream({
      start(controller) {
        for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
      },
    });
  afterEach(() => void vi.useRealTimers());

  it("is waited for five seconds, and gives the status alone [F84]", async () => {
    vi.useFakeTimers();
    const problem = readProblem(respond(endless('{"message":"not y'), 500));
    let done = false;
    void problem.then(() => (done = true));
    await vi.advanceTimersByTimeAsync(4_999);
    expect(done).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await problem).toEqual({ status: 500 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is read as far as it came, where that is whole [F84]", async () => {
    const response = respond(endless('{"message":"whole"}'), 500);
    expect(await readProblem(response, { timeout: 20 })).toEqual({ status: 500, message: "whole" });
  });

  it("is given up in time where the runtime shows no stream of it [F84 F75]", async () => {
    const text = (): Promise<string> => new Promise(() => {});
    const silent = { status: 500, headers: new Headers(), clone: () => ({ text }) };
    const problem = await readProblem(silent as unknown as Response, { timeout: 5 });
    expect(problem).toEqual({ status: 500 });
  });

  it("leaves the response readable [F84 S10]", async () => {
    const response = respond(endless("{"), 500);
    await readProblem(response, { timeout: 5 });
    expect(response.bodyUsed).toBe(false);
    const { value } = await response.body!.getReader().read();
    expect(new TextDecoder().decode(value as Uint8Array)).toBe("{");
  });

  it("no timer is left behind one that ends [F84]", async () => {
    vi.useFakeTimers();
    expect(await readProblem(respond({ message: "x" }))).toEqual({ status: 401, message: "x" });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("Retry-After", () => {
  const now = Date.UTC(2027, 0, 15, 8);
  const retryAfter = async (value: string): Promise<number | undefined> => {
    vi.useFakeTimers({ toFake: ["Date"], now });
    return (await readProblem(respond(null, 429, { "retry-after": value }))).retryAfter;
  };
  afterEach(() => void vi.useRealTimers());

  it.each([
    ["0", 0],
    ["120", 120_000],
    ["Fri, 15 Jan 2027 08:02:00 GMT", 120_000],
    ["Fri, 15 Jan 2027 08:00:00 GMT", 0],
  ])("%s", async (value, expected) => {
    expect(await retryAfter(value)).toBe(expected);
  });

  it.each(["", "soon", "-5", "1e3", "1.5", "Fri, 15 Jan 2027 07:00:00 GMT", "NaN", "5, 6"])(
    "%j says nothing",
    async (value) => {
      expect(await retryAfter(value)).toBeUndefined();
    },
  );
});

describe("challenges", () => {
  const challenge = async (value: string): Promise<unknown> => {
    const { challenge } = await readProblem(respond(null, 401, { "www-authenticate": value }));
    return challenge && { ...challenge };
  };

  it.each([
    ["Bearer", { scheme: "Bearer" }],
    ['Bearer error="invalid_token"', { scheme: "Bearer", error: "invalid_token" }],
    [
      'Bearer realm="a, b", error=insufficient_scope , scope="x y"',
      { scheme: "Bearer", realm: "a, b", error: "insufficient_scope", scope: "x y" },
    ],
    ['DPoP ALGS="ES256"', { scheme: "DPoP", algs: "ES256" }],
    ['Bearer scheme="evil"', { scheme: "Bearer" }],
    ['Basic realm="x", Bearer error="invalid_token"', { scheme: "Basic", realm: "x" }],
    // RFC 9110 §5.6.4 and §11.2: quoted pairs, spaces around the equals sign, token68.
    [
      String.raw`Bearer realm="a \"b\", error=\"no\" \\", error="invalid_token"`,
      { scheme: "Bearer", realm: 'a "b", error="no" \\', error: "invalid_token" },
    ],
    ['Bearer error = "invalid_token"', { scheme: "Bearer", error: "invalid_token" }],
    [
      'Bearer error_description="it ended, get a=new one", error="invalid_token"',
      { scheme: "Bearer", error: "invalid_token", error_description: "it ended, get a=new one" },
    ],
    ['Bearer realm="", Basic realm="x"', { scheme: "Bearer", realm: "" }],
    ['Bearer, Basic realm="x"', { scheme: "Bearer" }],
    ["Negotiate YWJj==, Basic realm=x", { scheme: "Negotiate" }],
  ])("%s", async (value, expected) => {
    expect(await challenge(value)).toEqual(expected);
  });

  it.each(["", " ", ",", "="])("%j is none", async (value) => {
    expect(await challenge(value)).toBeUndefined();
  });

  it("a parameter cannot reach a prototype [S10]", async () => {
    const value = 'Bearer __proto__="polluted", constructor="x"';
    const { challenge } = await readProblem(respond(null, 401, { "www-authenticate": value }));
    expect(challenge).toMatchObject({ scheme: "Bearer", constructor: "x" });
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(Object.getPrototypeOf({ ...challenge })).toBe(Object.prototype);
  });

  it("a header without end is read in time", async () => {
    const value = `Bearer ${'a="'.repeat(20_000)}`;
    expect(
      (await readProblem(respond(null, 401, { "www-authenticate": value }))).challenge,
    ).toEqual(expect.objectContaining({ scheme: "Bearer" }));
  });
});

describe("options and bodies that are odd", () => {
  const late = (): Response => {
    const encoder = new TextEncoder();
    return new Response(
      new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          controller.enqueue(encoder.encode('{"message":"late"}'));
          controller.close();
        },
      }),
      { status: 500 },
    );
  };

  it.each([Number.NaN, -1, "soon"])(
    "a timeout of %s is none: the usual one counts",
    async (wrong) => {
      const timeout = wrong as number;
      expect(await readProblem(late(), { timeout })).toMatchObject({ message: "late" });
    },
  );

  it.each([Infinity, 2 ** 31])("a timeout of %d is a long one [F15]", async (timeout) => {
    expect(await readProblem(late(), { timeout })).toMatchObject({ message: "late" });
  });

  it("a polluted Object.prototype sets no timeout and says nothing [S15]", async () => {
    const polluted = { timeout: 0, message: "forged", error: { code: "forged" } };
    Object.assign(Object.prototype, polluted);
    try {
      expect(await readProblem(late())).toEqual({ status: 500, message: "late" });
      expect(await readProblem(respond("no JSON", 500))).toEqual({ status: 500 });
    } finally {
      for (const name of Object.keys(polluted)) Reflect.deleteProperty(Object.prototype, name);
    }
  });
});
