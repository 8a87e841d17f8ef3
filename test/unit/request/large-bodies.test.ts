/** What a large body costs (F100). */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { createVault } from "../../../src/index.ts";
import { vmcloud } from "../../../src/providers/vmcloud.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { settle } from "../../support/clock.ts";
import { stage, status, token, VMS } from "./given-source.ts";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

const MIB = 1_048_576;

/** A request whose body is made while it is sent; `alive` counts the parts that somebody still holds. */
function streaming(
  parts: number,
  { address = VMS, redirect = "follow" as RequestRedirect } = {},
): { request: Request; alive: () => number } {
  const made: WeakRef<Uint8Array>[] = [];
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (made.length === parts) return controller.close();
        const part = new Uint8Array(MIB).fill(97);
        made.push(new WeakRef(part));
        return controller.enqueue(part);
      },
    },
    { highWaterMark: 0 },
  );
  const init = { method: "POST", body, redirect, duplex: "half" } as RequestInit;
  return {
    request: new Request(address, init),
    alive: () => made.filter((part) => part.deref() !== undefined).length,
  };
}

describe("a Request with a large streamed body", () => {
  it("is not held in memory while it is sent [F100]", async () => {
    const { request, alive } = streaming(40);
    let [parts, most] = [0, 0];
    const { fetch } = stage({
      async fetch(input) {
        // As a network reads it.
        for await (const _ of (input as Request).body!) {
          parts += 1;
          // What nobody holds any more is gone some turns later.
          await settle();
          gc();
          most = Math.max(most, alive());
        }
        return new Response(null, { status: 401 });
      },
      getToken: ({ rejected }) => token(rejected ? 2 : 1),
    });
    expect((await fetch(request)).status).toBe(401);
    expect(parts).toBe(40);
    expect(most).toBeLessThan(8);
  });

  // Node's own `fetch` keeps a copy for a redirect, and the vault cannot make it forget that.
  it("is not held by Node's own fetch either, where no redirect is wanted [F100]", async () => {
    let most = 0;
    const server = createServer(async (request, reply) => {
      let bytes = 0;
      for await (const part of request as AsyncIterable<Buffer>) {
        const before = Math.floor(bytes / MIB);
        bytes += part.byteLength;
        if (Math.floor(bytes / MIB) === before) continue;
        gc();
        most = Math.max(most, alive());
      }
      reply.end(String(bytes));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { request, alive } = streaming(40, { address: baseURL, redirect: "error" });
    const vault = createVault({
      provider: vmcloud({ baseURL }),
      store: memoryStore(),
      dangerouslyAllowLoopbackHttp: true,
    });
    await vault.adopt({ accessToken: "token" });
    expect(await (await vault.fetch(request)).text()).toBe(String(40 * MIB));
    expect(most).toBeLessThan(16);
    await vault[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
  });

  it("within the limit that was set is sent again [F100 P11]", async () => {
    const sizes: number[] = [];
    const replies = [status(401), status(200)];
    const { fetch } = stage({
      maxReplayBytes: 4 * MIB,
      async fetch(input, init) {
        const { size } = await new Request(input, init).blob();
        return replies[sizes.push(size) - 1]!();
      },
      getToken: ({ rejected }) => token(rejected ? 2 : 1),
    });
    expect((await fetch(streaming(4).request)).status).toBe(200);
    expect(sizes).toEqual([4 * MIB, 4 * MIB]);
  });

  it("whose source stops gives its 401 back, and does not wait for it for ever [F100 P10]", async () => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array(10)),
    });
    const request = new Request(VMS, { method: "POST", body, duplex: "half" } as RequestInit);
    const { fetch, sent } = stage({
      replies: [status(401)],
      getToken: ({ rejected }) => token(rejected ? 2 : 1),
    });
    expect((await fetch(request)).status).toBe(401);
    expect(sent).toHaveLength(1);
  });
});

describe("a stream that is not sent, because there is no token", () => {
  const refuse = async (body: () => BodyInit, signal?: AbortSignal): Promise<unknown> => {
    const { fetch } = stage({
      getToken: ({ signal: given }) =>
        new Promise((_, reject) => {
          if (!given) return reject(new Error("no token"));
          given.addEventListener("abort", () => reject(given.reason as Error));
        }),
    });
    const init = { method: "POST", duplex: "half", body: body(), ...(signal && { signal }) };
    return fetch(VMS, init as RequestInit).catch((error: unknown) => error);
  };

  /** A stream, and how it was ended. */
  function made(): { readonly stream: ReadableStream; readonly ended: unknown[] } {
    const ended: unknown[] = [];
    return { ended, stream: new ReadableStream({ cancel: (reason) => void ended.push(reason) }) };
  }

  it("is cancelled by an abort, as by fetch: its producer waits for nobody [P14]", async () => {
    const { stream, ended } = made();
    const aborter = new AbortController();
    const asked = refuse(() => stream, aborter.signal);
    aborter.abort("enough");
    await asked;
    expect(ended).toEqual(["enough"]);
  });

  it("is left to its caller by any other failure, and may be sent by the next call [P11]", async () => {
    const { stream, ended } = made();
    expect(await refuse(() => stream)).toMatchObject({ message: "no token" });
    expect([ended, stream.locked]).toEqual([[], false]);
  });

  it("that a function has made is cancelled by any failure [P14]", async () => {
    const { stream, ended } = made();
    await refuse(() => (() => stream) as never);
    expect(ended).toHaveLength(1);
  });
});
