/** What an isolate keeps between requests: the parts of a class, and nothing that one request alone has made. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { define, sharedOf } from "../../../src/cloudflare/isolate.ts";
import { acme } from "../../support/fake-api.ts";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

const ctx = { waitUntil() {} };
const where = { binding: "TOKEN_VAULT", hasCache: false };

it("providers that are made for one request are forgotten with it, though the isolate and its `env` go on", async () => {
  const env = {};
  const once = (): WeakRef<object> => {
    const providers = { acme: acme() };
    sharedOf({ provider: "acme", providers, env, ctx }, where);
    return new WeakRef(providers);
  };
  const made = Array.from({ length: 50 }, once);
  const left = (): number => made.filter((one) => one.deref()).length;
  for (let tries = 0; left() > 0 && tries < 20; tries++) {
    // A `WeakRef` keeps its object to the end of the task.
    await new Promise((resolve) => setImmediate(resolve));
    gc();
  }
  expect(left()).toBe(0);
});

it("the same providers and `env` have the same parts", () => {
  const [env, providers] = [{}, { acme: acme() }];
  const part = (of: object = env): unknown =>
    sharedOf({ provider: "acme", providers, env: of, ctx }, where);
  expect(part()).toBe(part());
  expect(part({})).not.toBe(part());
});

it("a class is asked for its providers only where no later class has the name: its error fails no other's vault [F102]", () => {
  const asked: string[] = [];
  const keys = `k1:${btoa("0123456789abcdef0123456789abcdef")}`;
  define({
    keys,
    providers: () => {
      asked.push("broken");
      throw new Error("MISSING is not set");
    },
  });
  define({ keys, providers: { acme: acme() } });
  const part = (provider: string) => sharedOf({ provider, env: {}, ctx }, where);
  expect(Object.keys(part("acme").providers)).toEqual(["acme"]);
  expect(asked).toEqual([]);
  expect(() => part("another")).toThrow("MISSING is not set");
});
