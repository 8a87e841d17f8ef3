/** What a request that spends a refresh token in Deno is sent with. */
import { afterEach, expect, it } from "vitest";
import { sentOnce } from "../../../src/deno/once.ts";
import type { Exchange } from "../../../src/exchange.ts";
import { send } from "../../../src/grant/token-request.ts";
import type { Provider } from "../../../src/types.ts";

const root: object = Object.prototype;
const POLLUTION = { client: "theirs", window: "theirs", referrer: "https://evil.example/" };

afterEach(() => {
  for (const name of Object.keys(POLLUTION)) Reflect.deleteProperty(root, name);
});

const provider = sentOnce({
  name: "acme",
  origins: ["https://api.acme.example"],
  renewal: { rotation: "strict" },
  async renew({ refreshToken }, exchange) {
    await send({ url: "https://api.acme.example/token", body: { refreshToken } }, exchange);
    return { type: "trouble" };
  },
} as Provider);

it("a request that spends a refresh token in Deno takes no member from a polluted Object.prototype [S15 P2]", async () => {
  const sent: (RequestInit | undefined)[] = [];
  const exchange: Exchange = {
    signal: new AbortController().signal,
    now: () => 0,
    async fetch(_, init) {
      sent.push(init);
      return new Response("{}");
    },
  };
  for (const [name, value] of Object.entries(POLLUTION))
    Object.defineProperty(root, name, { value, configurable: true, enumerable: false });
  await provider.renew?.({ refreshToken: "rt-1" }, exchange);

  expect(sent).toHaveLength(1);
  const [init] = sent;
  for (const [name, value] of Object.entries(POLLUTION))
    expect(Reflect.get(init ?? {}, name)).not.toBe(value);
  // What the exchange set stands, and the body leaves as a stream.
  expect(init).toMatchObject({ method: "POST", redirect: "manual", duplex: "half" });
  expect(await new Response(init?.body).json()).toEqual({ refreshToken: "rt-1" });
});
