/** What a page believes of what it hears. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { VaultError } from "../../../src/worker.ts";
import { settle } from "../../support/clock.ts";
import { credentials, ORIGIN } from "../../support/fake-api.ts";
import { rejection } from "../../support/vault.ts";
import { connect, odd, real } from "./page-vault.ts";

describe("what a worker says", () => {
  const ticket = {
    header: "authorization",
    authorization: "Bearer abc",
    sessionId: "s",
    generation: 1,
  };

  it.each<[string, unknown]>([
    ["a text", "Bearer abc"],
    ["a header with a line break", { ...ticket, authorization: "Bearer abc\r\nX-Evil: 1" }],
    ["two spaces in a header", { ...ticket, authorization: "Bearer a bc" }],
    ["a header with no more than its scheme", { ...ticket, authorization: "Bearer " }],
    ["no header's name", { ...ticket, header: undefined }],
    ["a header's name that is no text", { ...ticket, header: ["authorization"] }],
    ["a header too long", { ...ticket, authorization: `Bearer ${"a".repeat(20_000)}` }],
    ["no session", { ...ticket, sessionId: 1 }],
    ["no generation", { ...ticket, generation: "1" }],
    ["null", null],
  ])("in place of a token is not sent: %s [S5 S10]", async (_, value) => {
    const sent = vi.fn<typeof fetch>(async () => new Response());
    vi.stubGlobal("fetch", sent);
    const vault = connect(() => odd(() => ({ tokenkeep: 1, value })));
    const error = await rejection(vault.fetch(`${ORIGIN}/v1/vms`));
    expect(error).toMatchObject({ code: "worker_unavailable" });
    expect(sent).not.toHaveBeenCalled();
  });

  it.each<[string, unknown]>([
    ["with a state that is none", { owner: 1, seq: "many", news: null }],
    ["without one", undefined],
  ])("%s is no worker [S10]", async (_, state) => {
    const vault = connect(() => ({
      postMessage: (_, [port]) => port!.postMessage({ tokenkeep: 1, state, value: "x" }),
    }));
    expect(await rejection(vault.getToken())).toMatchObject({ code: "worker_unavailable" });
    expect(await rejection(vault.signOut())).toMatchObject({ code: "worker_unavailable" });
  });

  it.each<[string, unknown]>([
    ["getToken", { token: "abc" }],
    ["authorization", 5],
    ["accounts", "ada"],
    ["accounts", [1]],
  ])("in answer to %s is checked: %o [S10]", async (method, value) => {
    const vault = connect(() => odd(() => ({ tokenkeep: 1, value })));
    const call = vault[method as "accounts"]();
    expect(await rejection(call)).toMatchObject({ code: "worker_unavailable" });
  });

  it("of its state is taken by kind: nothing else comes through [S10]", async () => {
    const snapshot = {
      status: "signed-in",
      account: "somebody else's",
      persisted: "yes",
      issuedAt: "soon",
      expiresAt: Infinity,
      generation: 3,
      claims: [],
      evil: { accessToken: "x" },
    };
    const event = { type: 7, account: "x", sessionId: 8, generation: "9", status: {}, evil: "x" };
    const news = [null, 5, { seq: 2, event: null }, { seq: 2, event }, { seq: 2, snapshot }];
    const said = { tokenkeep: 1, state: { owner: "o", seq: 2, news } };
    const vault = connect(() => odd(() => said));
    const events: unknown[] = [];
    vault.events((event) => events.push(event));
    await vault.signOut();
    await settle();
    expect(vault.snapshot()).toEqual({
      status: "signed-in",
      account: "default",
      persisted: false,
      generation: 3,
    });
    expect(Object.keys(vault.snapshot())).not.toContain("evil");
    expect(events).toEqual([{ type: "7", account: "default" }]);
    expect(Object.keys(events[0] as object)).not.toContain("evil");
  });

  it("of an error is taken by kind, and makes the one error class [S10]", async () => {
    const right = { code: "no_session", message: "Not signed in", status: 401, retryAfter: 5 };
    const said = [
      right,
      { code: { evil: 1 }, message: ["x"], status: "401", retryAfter: null, evil: "x" },
      "no object",
    ].map((error) => ({ tokenkeep: 1, error }));
    const vault = connect(() => odd(() => said.shift()));
    const [good, ...bad] = [
      await rejection(vault.getToken()),
      await rejection(vault.getToken()),
      await rejection(vault.getToken()),
    ];
    expect({ ...good, message: good?.message }).toEqual({ name: "VaultError", ...right });
    for (const error of bad) {
      expect(error).toBeInstanceOf(VaultError);
      expect({ ...error }).toEqual({ name: "VaultError", code: "worker_unavailable" });
    }
  });

  it.each([
    [98, 98],
    [99, 0],
  ])("of its news is capped: of %i events %i are told [S10]", async (many, told) => {
    const news = Array.from({ length: many }, (_, n) => ({ seq: n + 2, event: { type: "x" } }));
    const vault = connect(() =>
      odd(() => ({ tokenkeep: 1, state: { owner: "o", seq: many + 1, news } })),
    );
    let events = 0;
    vault.events(() => void (events += 1));
    await vault.signOut();
    await settle();
    expect(events).toBe(told);
  });

  it("answers that overtake each other bring no event twice, and no older state back [F9]", async () => {
    const event = (seq: number): object => ({ seq, event: { type: `e${seq}` } });
    const shot = (seq: number): object => ({
      seq,
      snapshot: { status: "signed-in", generation: seq },
    });
    const answers = [
      { seq: 4, news: [shot(4), event(2), event(3), event(4)] },
      { seq: 3, news: [shot(3), event(2), event(3)] },
    ].map((news) => ({ tokenkeep: 1, state: { owner: "o", ...news } }));
    const vault = connect(() => odd(() => answers.shift()));
    const types: string[] = [];
    vault.events(({ type }) => types.push(type));
    await Promise.all([vault.signOut(), vault.signOut()]);
    await settle();
    expect(types).toEqual(["e2", "e3", "e4"]);
    expect(vault.snapshot().generation).toBe(4);
  });
});

describe("a polluted Object.prototype", () => {
  afterEach(() => {
    delete (Object.prototype as { anything?: unknown }).anything;
  });

  it("takes nothing from what a worker says [S10 S15]", async () => {
    const { vault } = real();
    (Object.prototype as { anything?: unknown }).anything = "somebody's";
    await vault.signIn(credentials);
    expect((await vault.fetch(`${ORIGIN}/v1/vms`)).status).toBe(200);
    expect(vault.snapshot().status).toBe("signed-in");
  });
});
