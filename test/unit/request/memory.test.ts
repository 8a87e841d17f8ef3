/** What a large body costs (F100). */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { stage, status, token, VMS } from "./stage.ts";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

const MIB = 1_048_576;

/** A request whose body is made while it is sent, so that none of it is anywhere before. */
function streaming(parts: number): Request {
  let left = parts;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if ((left -= 1) >= 0) controller.enqueue(new Uint8Array(MIB).fill(97));
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return new Request(VMS, { method: "POST", body, duplex: "half" } as RequestInit);
}

/** Reads a body as a network does, and says how much was held at most meanwhile. */
async function drain(body: ReadableStream<Uint8Array>): Promise<{ bytes: number; held: number }> {
  gc();
  const before = process.memoryUsage().arrayBuffers;
  let [bytes, held] = [0, 0];
  for await (const chunk of body) {
    bytes += chunk.length;
    // What nobody holds any more is gone one turn later.
    await new Promise((resolve) => setImmediate(resolve));
    gc();
    held = Math.max(held, process.memoryUsage().arrayBuffers - before);
  }
  return { bytes, held };
}

describe("a Request with a large streamed body", () => {
  it("is not held in memory while it is sent [F100]", async () => {
    let seen: { bytes: number; held: number } | undefined;
    const { fetch } = stage({
      async fetch(input) {
        seen = await drain((input as Request).body!);
        return new Response(null, { status: 401 });
      },
      getToken: ({ rejected }) => token(rejected ? 2 : 1),
    });
    expect((await fetch(streaming(64))).status).toBe(401);
    expect(seen!.bytes).toBe(64 * MIB);
    expect(seen!.held).toBeLessThan(16 * MIB);
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
    expect((await fetch(streaming(4))).status).toBe(200);
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
