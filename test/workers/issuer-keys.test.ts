/** Keys that requests of one isolate share: a fetch may end with the request that began it. */
import { exports } from "cloudflare:workers";
import { afterEach, expect, inject, it } from "vitest";
import { type RemoteKeys, remoteKeys } from "../../src/jwt.ts";
import { type SpawnedIssuer, spawnIssuer } from "../apis/issuer.ts";
import { pairOf, signed, verdict } from "../contracts/jwt/forgeries.ts";
import { eventually } from "./strict-vmcloud.ts";
import { FRONT, hooks } from "./tested-worker.ts";

afterEach(() => void (hooks.front = undefined));

interface Opened {
  readonly issuer: SpawnedIssuer;
  readonly key: RemoteKeys;
  /** A request whose handler verifies a JWT. */
  ask(init?: RequestInit): Promise<string>;
}

async function open(): Promise<Opened> {
  const issuer = spawnIssuer(inject("control"));
  const { publicJwk } = await pairOf("RSA");
  await issuer.set({ jwks: { keys: [{ ...publicJwk, kid: "k1" }] }, mode: "hang" });
  const key = remoteKeys(`${issuer.url}/jwks`, { dangerouslyAllowLoopbackHttp: true });
  const token = await signed({ kid: "k1" });
  hooks.front = async () => new Response(await verdict(token, { key }));
  const ask = async (init?: RequestInit): Promise<string> =>
    (await exports.default.fetch(`https://${FRONT}/`, init)).text();
  return { issuer, key, ask };
}

it("the request that began to fetch the keys goes away: the others are answered, without a fetch for each [F31]", async () => {
  const { issuer, ask } = await open();
  const gone = new AbortController();
  const first = ask({ signal: gone.signal }).catch((error: Error) => error.name);
  await eventually(async () => (await issuer.counters()).jwksCalls === 1);
  await issuer.set({ mode: "good" });
  const others = Array.from({ length: 20 }, () => ask());
  gone.abort();
  expect(await first).toBe("AbortError");
  expect(await Promise.all(others)).toEqual(Array(20).fill("accepted"));
  expect(await ask()).toBe("accepted");
  // How many more depends on the machine's time: `unit/key/remote-keys.test.ts` counts them where time stands still.
  expect((await issuer.counters()).jwksCalls).toBeLessThan(1 + others.length);
});

it("a request that ends before its keys have come leaves nobody waiting [F31]", async () => {
  const { issuer, key, ask } = await open();
  const verifying = hooks.front;
  hooks.front = async () => {
    void key.get().catch(() => {});
    return new Response("done");
  };
  expect(await ask()).toBe("done");
  hooks.front = verifying;
  await issuer.set({ mode: "good" });
  const answers = Array.from({ length: 20 }, () => ask());
  expect(await Promise.all(answers)).toEqual(Array(20).fill("accepted"));
});
