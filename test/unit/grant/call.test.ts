/** The requests that an application writes: what is sent, and what is told before anything is. */
import { describe, expect, it } from "vitest";
import { askBy, headersOf, requestOf } from "../../../src/grant/call.ts";
import { isVaultError, type VaultError } from "../../../src/errors.ts";

const URL_ = "https://api.acme.test/token";

function mistake(call: () => unknown): VaultError {
  try {
    call();
  } catch (error) {
    if (isVaultError(error)) return error;
    throw error;
  }
  throw new Error("It was taken");
}

class Login {
  #password = "hunter2";
  reveal(): string {
    return this.#password;
  }
}

describe("a body", () => {
  it.each<[string, unknown, string]>([
    ["a plain object", { a: 1, b: undefined }, '{"a":1}'],
    ["an empty one", {}, "{}"],
    ["an object without a prototype", Object.assign(Object.create(null), { a: [] }), '{"a":[]}'],
    ["a list", [1, {}], "[1,{}]"],
    ["a text", "raw", '"raw"'],
    ["null", null, "null"],
    ["a date inside", { at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
    [
      "an instance with members",
      new (class {
        user = "ada";
      })(),
      '{"user":"ada"}',
    ],
  ])("of %s goes as JSON", (_, body, text) => {
    const request = requestOf(URL_, { body });
    expect(request).toEqual({ url: URL_, method: "POST", headers: {}, body: text });
  });

  it("of URLSearchParams goes as a form, and says so", () => {
    const body = new URLSearchParams({ user: "ada lovelace", pass: "ü&=" });
    expect(requestOf(URL_, { body })).toEqual({
      url: URL_,
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "user=ada+lovelace&pass=%C3%BC%26%3D",
    });
  });

  it("that is absent is none: no `{}` and no type", () => {
    expect(requestOf(URL_, { method: "DELETE" })).toEqual({
      url: URL_,
      method: "DELETE",
      headers: {},
      body: undefined,
    });
  });

  const circle: Record<string, unknown> = {};
  circle["hunter2"] = circle;
  it.each<[string, unknown]>([
    ["a Map", new Map([["user", "ada"]])],
    ["a Set", new Set(["ada"])],
    ["a FormData", new FormData()],
    ["a Headers", new Headers()],
    ["a Blob", new Blob(["ada"])],
    ["a buffer", new ArrayBuffer(8)],
    ["a promise", Promise.resolve({})],
    ["an instance without members of its own", new Login()],
    ["a form inside JSON", { user: new URLSearchParams("a=b") }],
    ["a Map deep inside", { a: [{ b: new Map() }] }],
    ["undefined", undefined],
    ["a function", () => "ada"],
    ["a symbol", Symbol("ada")],
    ["a bigint", { id: 1n }],
    ["a circle", circle],
  ])("that JSON would lose is told: %s [S4]", (_, body) => {
    const error = mistake(() => requestOf(URL_, { body }));
    expect(error).toMatchObject({ code: "invalid_option", reason: "unsendable_body" });
    expect(error.message).toContain("URLSearchParams for a form");
    expect(`${error.message}${error.stack}`).not.toContain("hunter2");
    expect(error.cause).toBeUndefined();
  });

  it("of a GET is told: no fetch takes one", () => {
    expect(mistake(() => requestOf(URL_, { method: "GET", body: {} }))).toMatchObject({
      code: "invalid_option",
      reason: "unsendable_body",
    });
    expect(requestOf(URL_, { method: "GET" })).toMatchObject({ method: "GET", body: undefined });
  });
});

describe("a method", () => {
  it.each(["CONNECT", "TRACE", "TRACK", "get", "patch", "P OST", "", 5, null])(
    "%j is told",
    (method) => {
      const error = mistake(() => requestOf(URL_, { method }));
      expect(error).toMatchObject({ code: "invalid_option", reason: "unsendable_method" });
      expect(error.message).toContain("Take GET, POST");
    },
  );
});

describe("a header", () => {
  it("has its name in lower case, so that one replaces the other", () => {
    const request = requestOf(
      URL_,
      { headers: { "Content-Type": "application/vnd.api+json", ApiKey: "mine" }, body: {} },
      headersOf({ apikey: "all's", "X-Client": "a b" }),
    );
    expect(request.headers).toEqual({
      "content-type": "application/vnd.api+json",
      apikey: "mine",
      "x-client": "a b",
    });
  });

  it.each<[string, unknown]>([
    ["a line break", "a\r\nx-evil: 1"],
    ["a letter beyond ASCII", "hunter2-ü"],
    ["a control character", "a\u0000b"],
    ["a space around it", " hunter2"],
    ["nothing", ""],
    ["undefined", undefined],
    ["the text undefined", "undefined"],
    ["a scheme without its token", `Bearer ${String(undefined)}`],
    ["a number", 5],
    ["a list", ["a"]],
  ])("whose value is %s is told, without it [S4 S5]", (_, value) => {
    const error = mistake(() => requestOf(URL_, { headers: { authorization: value } }));
    expect(error).toMatchObject({ code: "invalid_option", reason: "unsendable_header" });
    expect(error.message).not.toMatch(/hunter2|evil|authorization/);
  });

  it.each(["", "a b", "a:b", "ü", "a\n"])("whose name is %j is told", (name) => {
    const error = mistake(() => headersOf({ [name]: "x" }));
    expect(error).toMatchObject({ code: "invalid_option", reason: "unsendable_header" });
  });

  it.each([new Headers({ a: "b" }), new Map([["a", "b"]]), [["a", "b"]], "a: b", null])(
    "in %o is told, because its entries would be lost",
    (headers) => {
      expect(mistake(() => headersOf(headers))).toMatchObject({ reason: "unsendable_header" });
    },
  );
});

describe("a request", () => {
  it.each([undefined, null, "a=b", Promise.resolve({ body: {} }), [], new Map()])(
    "that is %o is told",
    (call) => {
      const error = mistake(() => requestOf(URL_, call));
      expect(error).toMatchObject({ code: "invalid_option", reason: "unsendable_request" });
    },
  );

  it("takes no member from a polluted prototype [S15]", () => {
    const root = Object.prototype as Record<string, unknown>;
    try {
      Object.assign(root, { method: "DELETE", headers: { evil: "1" }, body: "polluted" });
      const { method, headers, body } = requestOf(URL_, {});
      expect([method, { ...headers }, body]).toEqual(["POST", {}, undefined]);
    } finally {
      for (const name of ["method", "headers", "body"]) Reflect.deleteProperty(root, name);
    }
  });

  it("that could not be written was not sent: nothing is spent [P2 S4]", async () => {
    const rules = { read: () => ({}) };
    const fetch = (): never => expect.fail("It was sent");
    const exchange = { fetch, signal: new AbortController().signal, now: () => 0 };
    const thrown = await askBy(
      () => {
        throw new TypeError("Cannot read hunter2");
      },
      rules,
      exchange,
    );
    expect(thrown).toMatchObject({ type: "trouble", unprocessed: true, reason: "write_failed" });
    const refused = await askBy(() => requestOf(URL_, { body: new Map() }), rules, exchange);
    expect(refused).toMatchObject({
      type: "trouble",
      unprocessed: true,
      reason: "unsendable_body",
    });
  });
});
