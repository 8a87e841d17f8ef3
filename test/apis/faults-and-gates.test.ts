/** Proves the faults and gates, on an API whose clock stands still and whose delays are in hand. */
import { describe, expect, it } from "vitest";
import { createFaults, DroppedReply, isWithoutCors } from "./faults.ts";
import { asFetch } from "./in-process.ts";
import { json } from "./replies.ts";

/** A one-endpoint API that counts what it has processed. */
function setUp(sleep?: (ms: number) => Promise<void>) {
  const faults = createFaults<"a" | "b">(sleep === undefined ? {} : { sleep });
  const done = { count: 0 };
  const run = (kind: "a" | "b" = "a"): Promise<Response> =>
    faults.run(kind, async () => json(200, { count: (done.count += 1) }));
  return { ...faults, done, run };
}

describe("faults", () => {
  it("answer instead of the API, unprocessed unless asked otherwise", async () => {
    const { fault, done, run } = setUp();
    fault("a", { status: 503, headers: { "retry-after": "7" } });
    fault("a", { status: 500, body: { error: "x" }, processed: true });
    const unprocessed = await run();
    expect([unprocessed.status, unprocessed.headers.get("retry-after")]).toEqual([503, "7"]);
    expect(done.count).toBe(0);
    const processed = await run();
    expect([processed.status, await processed.json()]).toEqual([500, { error: "x" }]);
    expect(done.count).toBe(1);
    expect((await run()).status).toBe(200);
  });

  it("hit their kind alone, as often as they say, in order", async () => {
    const { clearFaults, fault, run } = setUp();
    fault("a", { status: 500, times: 2 });
    fault("a", { status: 502, times: "always" });
    expect((await run("b")).status).toBe(200);
    const statuses: number[] = [];
    for (let n = 0; n < 5; n += 1) statuses.push((await run()).status);
    expect(statuses).toEqual([500, 500, 502, 502, 502]);
    clearFaults();
    expect((await run()).status).toBe(200);
    expect(() => fault("a", { times: 0 })).toThrow(RangeError);
  });

  it("drop the connection before or after processing", async () => {
    const { fault, done, run } = setUp();
    fault("a", { dropReply: "before" });
    fault("a", { dropReply: "after" });
    await expect(run()).rejects.toThrow(DroppedReply);
    expect(done.count).toBe(0);
    await expect(run()).rejects.toThrow(TypeError);
    expect(done.count).toBe(1);
  });

  it("break a body off, or let it stall", async () => {
    const { fault, run } = setUp();
    fault("a", { dropReply: "half" });
    fault("a", { stall: true });
    const broken = await run();
    expect(broken.status).toBe(200);
    await expect(broken.text()).rejects.toThrow(DroppedReply);
    const giveUp = new AbortController();
    const stalled = await asFetch(() => run())("https://x.test", { signal: giveUp.signal });
    const reader = stalled.body?.getReader();
    expect((await reader?.read())?.value?.length).toBe(Math.ceil('{"count":2}'.length / 2));
    const rest = reader?.read();
    giveUp.abort(new Error("enough"));
    await expect(rest).rejects.toThrow("enough");
  });

  it("redirect, and pose as a captive portal or as nonsense", async () => {
    const { fault, run } = setUp();
    fault("a", { redirect: "https://other.test/x" });
    fault("a", { redirect: "https://other.test/x", status: 302 });
    fault("a", { captivePortal: true });
    fault("a", { nonsense: "unparsable" });
    fault("a", { nonsense: "wrong-types" });
    fault("a", { nonsense: "null" });
    const redirected = await run();
    expect(redirected.status).toBe(307);
    expect(redirected.headers.get("location")).toBe("https://other.test/x");
    expect((await run()).status).toBe(302);
    const portal = await run();
    expect([portal.status, portal.headers.get("content-type")]).toEqual([
      200,
      "text/html; charset=utf-8",
    ]);
    const unparsable = await run();
    expect([unparsable.status, unparsable.headers.get("content-type")]).toEqual([
      200,
      "application/json",
    ]);
    await expect(unparsable.json()).rejects.toThrow(SyntaxError);
    expect(await (await run()).json()).toMatchObject({ token: 17, refresh_token: false });
    expect(await (await run()).json()).toBe(null);
  });

  it("delay a reply after processing", async () => {
    const slept: number[] = [];
    let countThen = -1;
    const api = setUp(async (ms) => {
      slept.push(ms);
      countThen = api.done.count;
    });
    api.fault("a", { delay: 30_000 });
    await api.run();
    expect([slept, countThen]).toEqual([[30_000], 1]);
  });

  it("mark a reply that shall have no CORS headers", async () => {
    const { fault, run } = setUp();
    fault("a", { noCors: true });
    expect(isWithoutCors(await run())).toBe(true);
    expect(isWithoutCors(await run())).toBe(false);
  });
});

describe("gates", () => {
  it("hold a call before it is processed, or its reply afterwards", async () => {
    const { done, gate, run } = setUp();
    const before = gate("a", "before");
    const first = run();
    await before.arrived;
    expect(done.count).toBe(0);
    before.release();
    expect(await (await first).json()).toEqual({ count: 1 });

    const after = gate("a", "after");
    let replied = false;
    const second = run().finally(() => (replied = true));
    await after.arrived;
    expect(done.count).toBe(2);
    // One gate holds one call: the next overtakes, in its own time the held one would have come.
    expect(await (await run()).json()).toEqual({ count: 3 });
    expect(replied).toBe(false);
    after.release();
    expect(await (await second).json()).toEqual({ count: 2 });
  });

  it("hold several, until all are let go", async () => {
    const { done, gate, run } = setUp();
    const closed = gate("a", "before", "always");
    const held = [run(), run(), run()];
    await closed.arrived;
    await run("b");
    expect(done.count).toBe(1);
    closed.release();
    await Promise.all(held);
    expect(done.count).toBe(4);
    await run();
    expect(done.count).toBe(5);
  });
});

describe("asFetch", () => {
  it("rejects with the signal's reason while the call runs on", async () => {
    const { done, gate, run } = setUp();
    const held = gate("a", "before");
    const giveUp = new AbortController();
    const running: Promise<Response>[] = [];
    const call = asFetch(() => {
      const reply = run();
      running.push(reply);
      return reply;
    });
    const reply = call("https://x.test", { signal: giveUp.signal });
    await held.arrived;
    giveUp.abort(new Error("enough"));
    await expect(reply).rejects.toThrow("enough");
    held.release();
    await Promise.all(running);
    expect(done.count).toBe(1);
    await expect(call("https://x.test", { signal: giveUp.signal })).rejects.toThrow("enough");
  });

  it("shows a redirect in mode manual, and throws otherwise", async () => {
    const { fault, run } = setUp();
    fault("a", { redirect: "https://other.test", times: 2 });
    const call = asFetch(() => run());
    expect((await call("https://x.test", { redirect: "manual" })).status).toBe(307);
    await expect(call("https://x.test")).rejects.toThrow(TypeError);
  });
});
