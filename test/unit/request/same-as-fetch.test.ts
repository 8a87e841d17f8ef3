/**
 * Law 6, for any call: what `vault.fetch` sends and answers is what `fetch` with the header would, at
 * each hop of a redirect, and after a healed 401. Two servers, real sockets, the platform's own fetch.
 */
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createVault, type Vault, type VaultRequestInit } from "../../../src/index.ts";
import { mint } from "../../../src/providers/mint.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type Answer, serve, type Served } from "../../support/vault-over-server.ts";
import { clockAhead } from "../../support/clock.ts";

let api: Served;
let other: Served;
let vault: Vault<object | void>;
/** Far enough from call to call that each may begin a refresh. */
let passed = 0;
/** The token that the API takes today; plain fetch's is always good. */
let good = 0;
let heals = 0;

beforeAll(async () => {
  [api, other] = await Promise.all([serve(), serve()]);
  vault = createVault<object | void>({
    provider: mint<object>({
      name: "same",
      origins: [api.url],
      tokenUrl: `${api.url}/token`,
      read: ({ token }) => ({ accessToken: token }),
    }),
    store: memoryStore(),
    dangerouslyAllowLoopbackHttp: true,
    clock: clockAhead(() => passed),
  });
  const answer: Answer = ({ path = "", authorization }, response) => {
    if (path === "/token") {
      response.end(JSON.stringify({ token: `token-${(good += 1)}` }));
      return true;
    }
    if (authorization && !["Bearer plain", `Bearer token-${good}`].includes(authorization)) {
      heals += 1;
      response.writeHead(401).end("no");
      return true;
    }
    const { searchParams } = new URL(path, api.url);
    const location = searchParams.get("to");
    response.statusCode = Number(searchParams.get("status") ?? 200);
    if (location !== null) response.setHeader("location", location);
    response.end("an answer");
    return true;
  };
  api.answer = other.answer = answer;
  await vault.signIn({});
});
afterAll(() => [api, other].forEach((one) => one.close()));

const bodies: Readonly<Record<string, () => BodyInit>> = {
  "a text": () => "text \u00fc",
  "an empty text": () => "",
  parameters: () => new URLSearchParams({ a: "\u00fc b" }),
  "a Blob": () => new Blob(["blob"]),
  "a Blob with a type": () => new Blob(["blob"], { type: "text/x-own" }),
  "a buffer": () => new Uint8Array([1, 2, 3]).buffer,
  "a part of a buffer": () => new Uint8Array([1, 2, 3]).subarray(1),
};

const containers: Readonly<Record<string, (pairs: [string, string][]) => HeadersInit>> = {
  "an object": (pairs) => Object.fromEntries(pairs),
  Headers: (pairs) => new Headers(pairs),
  pairs: (pairs) => pairs,
  "a Map": (pairs) => new Map(pairs) as unknown as HeadersInit,
};

const oneOf = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

/** A member is rarely given; where it is, now and then as `undefined`. */
const init = fc.record(
  {
    method: oneOf(undefined, "GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "post"),
    redirect: oneOf(undefined, "follow", "manual", "error"),
    cache: oneOf(undefined, "no-store", "reload"),
    credentials: oneOf(undefined, "include", "omit"),
    mode: oneOf(undefined, "cors", "same-origin"),
    referrer: oneOf(undefined, "", "about:client"),
    referrerPolicy: oneOf(undefined, "", "no-referrer"),
    keepalive: oneOf(undefined, true),
    signal: oneOf(undefined, null),
    body: oneOf(undefined, null, ...Object.keys(bodies)),
    headers: oneOf(undefined, ...Object.keys(containers)),
  },
  { requiredKeys: [] },
);

const pairs = fc.subarray<[string, string]>([
  ["x-a", "1"],
  ["X-A", "2"],
  ["content-type", "text/own"],
  ["cookie", "a=b"],
]);

const place = oneOf("/end", "end#part", "?x", "elsewhere", "twice", "http://[", "data:x,y");
const path = fc.oneof(
  oneOf(
    "/a",
    "/a?status=204",
    "/a?status=304",
    "/a?status=404",
    "/a?status=500",
    "/\u00fc?q=\u00e4#b",
  ),
  fc.tuple(oneOf(301, 302, 303, 307, 308), place),
);

type Given = Readonly<Record<string, unknown>>;

/** The init that is meant, made anew: bodies and headers can be used up. */
function make(given: Given, list: [string, string][]): RequestInit {
  const made: Record<string, unknown> = { ...given };
  if (typeof given["body"] === "string") made["body"] = bodies[given["body"]]!();
  if (typeof given["headers"] === "string") made["headers"] = containers[given["headers"]]!(list);
  return made;
}

/** With the header that the vault would set. */
const signed = (made: RequestInit | undefined, request?: Request): RequestInit => {
  const headers = new Headers(made?.headers ?? request?.headers);
  headers.set("authorization", "Bearer plain");
  return { ...made, headers };
};

async function outcome(send: () => Promise<Response>): Promise<unknown> {
  api.seen = [];
  other.seen = [];
  let result: unknown;
  try {
    const response = await send();
    const { status, redirected, url } = response;
    result = { status, redirected, url, text: await response.text() };
  } catch (error) {
    result = (error as Error).name;
  }
  // What the healing took is not compared: the minting, and the first send.
  const took = api.seen.findLastIndex(({ path }) => path === "/token");
  const seen = [...api.seen.slice(took + 1), ...other.seen];
  for (const { authorization } of other.seen) expect(authorization).toBeUndefined();
  return [result, seen.map(({ authorization: _, ...rest }) => rest)];
}

it("law 6 S2 P11 any call, redirected or not, healed or not, is what fetch makes of it", async () => {
  await fc.assert(
    fc.asyncProperty(
      ...([
        path,
        oneOf("text", "URL", "Request", "Request and init"),
        init,
        init,
        pairs,
        fc.boolean(),
      ] as const),
      async (to, kind, first, second, list, expired) => {
        const where = { elsewhere: `${other.url}/end`, twice: `/b?status=307&to=${other.url}/end` };
        const url = new URL(
          typeof to === "string"
            ? to
            : `/r?status=${to[0]}&to=${encodeURIComponent(Reflect.get(where, to[1]) ?? to[1])}`,
          api.url,
        ).href;
        const args = (): [string | URL | Request, RequestInit?] => {
          if (!kind.startsWith("Request"))
            return [kind === "URL" ? new URL(url) : url, make(first, list)];
          const request = new Request(url, make(first, list));
          return kind === "Request" ? [request] : [request, make(second, list)];
        };
        const plain = await outcome(async () => {
          const [input, made] = args();
          return fetch(input, signed(made, input instanceof Request ? input : undefined));
        });
        passed += 5_000_000;
        if (expired) good += 1;
        expect(
          await outcome(async () => {
            const [input, made] = args();
            return vault.fetch(input, made as VaultRequestInit);
          }),
        ).toEqual(plain);
      },
    ),
    { numRuns: 500 },
  );
  expect(heals).toBeGreaterThan(50);
});
