/** What those who wait are told, and what their 401 asks for. */
import { describe, expect, it } from "vitest";
import { errorOf } from "../../../src/refresh/callers.ts";
import { nothingKnown } from "../../../src/refresh/knowledge.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { reply } from "../../support/fake-api.ts";
import { signedIn, refreshes, VMS } from "../../support/vault.ts";
import { gate, MINUTE, rest, within } from "./faulty-parts.ts";

describe("the error of a refresh that failed", () => {
  const outcome = { type: "trouble", sessionId: "s", status: 503, at: 100 } as const;
  const known = { ...nothingKnown({ renewal: undefined, store: memoryStore() }), outcome };

  it("has the status of what happened while its caller waited [F56]", () => {
    expect(errorOf("refresh_failed", known, { now: 0, since: 100 })).toMatchObject({ status: 503 });
  });

  it("has no status of what happened before its caller came [F56]", () => {
    const error = errorOf("refresh_failed", known, { now: 0, since: 101 });
    expect(error).toMatchObject({ code: "refresh_failed" });
    expect(error).not.toMatchObject({ status: 503 });
  });

  it("of another kind has none either [F56]", () => {
    const error = errorOf("no_session", known, { now: 0, since: 0 });
    expect(error).not.toMatchObject({ status: 503 });
  });
});

describe("a 401 for an older generation", () => {
  it("that comes after a refresh asks for no other one, then or later [P12]", async () => {
    const made = await signedIn();
    const { vault, api, clock } = made;
    const { api: answer } = api;
    const late = gate(answer);
    let sends = 0;
    // One call's first reply is on its way while another one's 401 is healed; its second says nothing.
    api.api = (call, ordinal) => {
      if (!call.url.endsWith("late")) return answer(call, ordinal);
      sends += 1;
      return sends === 1 ? late.answer(call, ordinal) : reply(503, {});
    };
    const first = vault.fetch(`${VMS}/late`);
    await rest();
    api.expire();
    expect((await within(clock, MINUTE, vault.fetch(VMS))).status).toBe(200);
    expect(refreshes(made)).toBe(1);
    late.open();
    expect((await within(clock, MINUTE, first)).status).toBe(503);
    expect(sends).toBe(2);
    await clock.advance(10 * MINUTE);
    expect((await within(clock, MINUTE, vault.fetch(VMS))).status).toBe(200);
    await clock.advance(MINUTE);
    expect(refreshes(made)).toBe(1);
  });
});
