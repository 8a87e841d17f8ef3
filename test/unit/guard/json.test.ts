/** What is parsed has no prototype, at any depth (S15). */
import { expect, it } from "vitest";
import { decodeClaims, shownClaims } from "../../../src/guard/claims.ts";
import { own, parse } from "../../../src/guard/json.ts";
import { secureFetch } from "../../../src/guard/secure.ts";
import { acme, jwt, ORIGIN } from "../../support/fake-api.ts";
import { bench } from "../../support/vault.ts";

/** The objects in a value, lists aside. */
const objects = (value: unknown): object[] =>
  typeof value === "object" && value !== null
    ? [...(Array.isArray(value) ? [] : [value]), ...Object.values(value).flatMap(objects)]
    : [];

const nested = '{"a":{"b":[{"c":{}},[{"d":1}]]},"__proto__":{"e":{}},"constructor":{"f":1}}';

it("parse() gives no object a prototype, at any depth [S15 F67]", () => {
  const found = objects(parse(nested));
  expect(found.length).toBe(8);
  expect(found.map((one) => Object.getPrototypeOf(one) as unknown)).toEqual(found.map(() => null));
  expect(({} as Record<string, unknown>)["e"]).toBeUndefined();
});

it("parse() gives the rest as JSON.parse does [S15]", () => {
  for (const text of [nested, "[]", "17", "null", '"x"', '{"a":[1,"2",null,true]}'])
    expect(JSON.stringify(parse(text))).toBe(JSON.stringify(JSON.parse(text)));
  expect(Array.isArray(parse("[1]"))).toBe(true);
  expect(() => parse("{")).toThrow(SyntaxError);
});

it("own() takes what is an object's own [S15]", () => {
  const made = own(Object.assign(Object.create({ inherited: 1 }) as object, { mine: 2 }));
  expect(Object.getPrototypeOf(made)).toBeNull();
  expect({ ...made }).toEqual({ mine: 2 });
});

it("claims have no prototype, at any depth [S15]", () => {
  const claims = decodeClaims(jwt({ org: { id: 1 }, list: [{ a: 1 }] }));
  const found = objects(claims);
  expect(found.length).toBe(3);
  expect(found.every((one) => Object.getPrototypeOf(one) === null)).toBe(true);
});

it("claims are not shown where the provider says so [S7]", async () => {
  const token = jwt({ user_id: "mints" });
  expect(shownClaims({}, token)).toMatchObject({ user_id: "mints" });
  expect(shownClaims({ showsClaims: false }, token)).toBeUndefined();
  expect(shownClaims({}, undefined)).toBeUndefined();
  const { vault } = bench({ provider: { ...acme(), showsClaims: false } });
  await vault.adopt({ accessToken: token });
  expect(vault.snapshot()).toMatchObject({ status: "signed-in", claims: undefined });
});

it("an address is judged by itself, whatever a polluted prototype says [S3 S15]", () => {
  const root: object = Object.prototype;
  Object.defineProperty(root, "url", { value: `${ORIGIN}/login`, configurable: true });
  try {
    const send = secureFetch(() => Promise.resolve(new Response()));
    expect(() => send("http://api.acme.test/login")).toThrow(/https/);
    expect(() => send(new URL("http://api.acme.test/login"))).toThrow(/https/);
  } finally {
    Reflect.deleteProperty(root, "url");
  }
});
