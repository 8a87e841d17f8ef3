/** What a large body costs (F100). */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { settle } from "../../support/clock.ts";
import { stage, status, token, VMS } from "./stage.ts";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

const MIB = 1_048_576;

/** A request whose body is made while it is sent; `alive` counts the parts that somebody still holds. */
function streaming(parts: number): { request: Request; alive: () => number } {
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
  const init = { method: "POST", body, duplex: "half" } as RequestInit;
  return {
    request: new Request(VMS, init),
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
