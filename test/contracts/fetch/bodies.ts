/** Bodies of every kind: sent as `fetch` sends them, and sent again as they were (P11, F20). */
import { describe, expect, it } from "vitest";
import type { VaultRequestInit } from "../../../src/index.ts";
import { type Echo, echoOf, hidesRedirects, type Stage } from "./stage.ts";

type Sent = Exclude<VaultRequestInit["body"], undefined>;

interface Kind {
  readonly make: () => Sent;
  /** What a careless caller does to its body right after the call. */
  readonly spoil?: (body: never) => void;
}

const bytes = (): Uint8Array<ArrayBuffer> => Uint8Array.from({ length: 300 }, (_, i) => i % 256);
const form = (): FormData => {
  const data = new FormData();
  data.append("name", "first & only");
  data.append("file", new Blob(["in the file"], { type: "text/plain" }), "a.txt");
  return data;
};

const kinds: Readonly<Record<string, Kind>> = {
  "a string": { make: () => '{"name":"ü 🔑"}' },
  "an empty string": { make: () => "" },
  URLSearchParams: {
    make: () => new URLSearchParams({ a: "1 2", b: "&" }),
    spoil: (body: URLSearchParams) => body.set("a", "spoilt"),
  },
  FormData: { make: form, spoil: (body: FormData) => body.set("name", "spoilt") },
  "a Blob": { make: () => new Blob([bytes()], { type: "application/x-own" }) },
  "an ArrayBuffer": {
    make: () => bytes().buffer,
    spoil: (body: ArrayBuffer) => new Uint8Array(body).fill(0),
  },
  "a part of an array": {
    make: () => bytes().subarray(7, 250),
    spoil: (body: Uint8Array) => body.fill(0),
  },
  "a DataView": {
    make: () => new DataView(bytes().buffer, 10, 30),
    spoil: (body: DataView) => body.setUint8(0, 99),
  },
  "a wide array": {
    make: () => new Uint16Array(bytes().buffer, 2, 5),
    spoil: (body: Uint16Array) => body.fill(0),
  },
  "a function that makes a Blob": { make: () => () => new Blob(["made anew"]) },
};

/** What must be the same. A form's bytes hold a random boundary, so its fields are compared. */
async function essence({ headers, body, bytes, sha256, method }: Echo): Promise<unknown> {
  const type = headers["content-type"];
  if (!type?.startsWith("multipart/form-data")) return { method, type, bytes, sha256 };
  const boundary = /boundary="?([^";]+)/.exec(type)?.[1];
  return { method, parts: body.replaceAll("\r", "").split(`--${boundary}`) };
}

export function bodies(stage: Stage): void {
  describe("bodies", () => {
    const plain = (url: string, body: Sent): Promise<Response> =>
      fetch(`${url}/public/echo`, {
        method: "POST",
        body: typeof body === "function" ? body() : body,
      });

    describe.each(Object.keys(kinds))("%s", (name) => {
      const { make, spoil } = kinds[name]!;

      it("goes out as fetch sends it", async () => {
        const { api, vault } = await stage.open();
        const seen = await echoOf(
          vault.fetch(`${api.url}/v1/echo`, { method: "POST", body: make() }),
        );
        expect(await essence(seen)).toEqual(await essence(await echoOf(plain(api.url, make()))));
        expect(seen.tokenIndex).toBe(1);
      });

      it("is sent again after a 401, whatever its owner does to it meanwhile [P11 F20]", async () => {
        const { api, vault } = await stage.open();
        await api.expireAccessTokens();
        const body = make();
        const answer = vault.fetch(`${api.url}/v1/echo?n=1`, { method: "POST", body });
        spoil?.(body as never);
        const seen = await echoOf(answer);
        expect(await essence(seen)).toEqual(await essence(await echoOf(plain(api.url, make()))));
        expect(seen.tokenIndex).toBe(2);
        expect((await api.counters()).sends).toEqual({ 1: 2 });
      });

      it("is sent as it was at the call, though a token had to be got first [P11 F20]", async () => {
        const { api, vault } = await stage.open();
        const gate = await api.gate("refresh", "before");
        const stale = await vault.getToken();
        const rejected = vault.getToken({ rejected: stale });
        await gate.arrived;
        const body = make();
        const answer = vault.fetch(`${api.url}/v1/echo`, { method: "POST", body });
        spoil?.(body as never);
        await gate.release();
        await rejected;
        const seen = await echoOf(answer);
        expect(await essence(seen)).toEqual(await essence(await echoOf(plain(api.url, make()))));
      });
    });

    it.runIf(stage.faithful)(
      "a Request with a body is sent again, and is used up as fetch uses it up [F20]",
      async () => {
        const { api, vault } = await stage.open();
        await api.expireAccessTokens();
        const request = new Request(`${api.url}/v1/echo?n=1`, {
          method: "PUT",
          body: "of a request",
          headers: { "content-type": "text/x-own" },
        });
        const seen = await echoOf(vault.fetch(request));
        expect(seen).toMatchObject({ method: "PUT", body: "of a request", tokenIndex: 2 });
        expect(seen.headers["content-type"]).toBe("text/x-own");
        expect((await api.counters()).sends).toEqual({ 1: 2 });
        expect(request.bodyUsed).toBe(true);
        await expect(vault.fetch(request)).rejects.toThrow(TypeError);
      },
    );

    it.runIf(stage.faithful)(
      "a Request whose body is replaced by init sends init's, both times [F20]",
      async () => {
        const { api, vault } = await stage.open();
        await api.expireAccessTokens();
        const request = new Request(`${api.url}/v1/echo?n=1`, { method: "POST", body: "old" });
        expect(await echoOf(vault.fetch(request, { body: "new" }))).toMatchObject({
          body: "new",
          tokenIndex: 2,
        });
        expect((await api.counters()).sends).toEqual({ 1: 2 });
      },
    );

    // happy-dom's frames have no constructors of their own.
    it
      .runIf(stage.faithful && hidesRedirects)
      .each(["URLSearchParams", "FormData", "Blob"] as const)(
      "a frame's %s, another realm's, is sent again after a 401 [P11 F20]",
      async (kind) => {
        const { api, vault } = await stage.open();
        const frame = document.body.appendChild(document.createElement("iframe"));
        const foreign = frame.contentWindow as unknown as typeof globalThis;
        const made = {
          URLSearchParams: () => new foreign.URLSearchParams({ a: "1 2" }),
          FormData: () => {
            const data = new foreign.FormData();
            data.append("a", "1 2");
            return data;
          },
          Blob: () => new foreign.Blob(["a"]),
        }[kind]();
        expect(made).not.toBeInstanceOf(globalThis[kind]);
        await api.expireAccessTokens();
        const init = { method: "POST", body: made };
        const healed = await echoOf(vault.fetch(`${api.url}/v1/echo`, init));
        expect(healed.tokenIndex).toBe(2);
        expect(await essence(healed)).toEqual(await essence(await echoOf(plain(api.url, made))));
        frame.remove();
      },
    );

    it.runIf(stage.streams)("a stream is sent once, the next call is fresh [F20 F21]", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const send = (n: number): Promise<Response> => {
        const init = { method: "POST", body: stream(`stream ${n}`), duplex: "half" };
        return vault.fetch(`${api.url}/v1/echo?n=${n}`, init as VaultRequestInit);
      };
      expect((await send(1)).status).toBe(401);
      // Another stream, because only a fresh token helps that one.
      expect(await echoOf(send(2))).toMatchObject({ tokenIndex: 2, body: "stream 2" });
      const { sends, tokenCalls } = await api.counters();
      expect({ sends, tokenCalls }).toEqual({ sends: { 1: 1, 2: 1 }, tokenCalls: 1 });
    });

    // Chromium sends streams over HTTP/2 only, Firefox and WebKit send the text of their name.
    it.runIf(stage.streams)(
      "a function makes a stream anew for the second send [F20]",
      async () => {
        const { api, vault } = await stage.open();
        await api.expireAccessTokens();
        let made = 0;
        const body = (): ReadableStream => stream(`stream ${++made}`);
        const seen = await echoOf(vault.fetch(`${api.url}/v1/echo?n=1`, { method: "POST", body }));
        expect(seen).toMatchObject({ body: "stream 2", tokenIndex: 2 });
        expect((await api.counters()).sends).toEqual({ 1: 2 });
      },
    );
  });
}

function stream(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });
}
