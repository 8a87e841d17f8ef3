/** What a worker answers, and to what it answers nothing. */
import { describe, expect, it, vi } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import { acme, credentials } from "../../support/fake-api.ts";
import { findSecrets } from "../../support/secrets.ts";
import { api, code, hear, post, question, serve, silence } from "./worker-part.ts";

describe("a question", () => {
  it("that is none is not answered: it may be the application's own [S10]", async () => {
    await serve();
    for (const data of [undefined, null, "state", 5, [], {}, { type: "state" }])
      expect(await silence(data)).toBe(true);
    expect(await silence(question("state"))).toBe(false);
    // Nor one without a port to answer on.
    hear({ data: question("state"), ports: [] });
  });

  it.each<[string, object]>([
    ["no account", { account: undefined }],
    ["an empty account", { account: "" }],
    ["a long account", { account: "a".repeat(257) }],
    ["an account that is no text", { account: ["a"] }],
    ["half a character as its account", { account: "a\ud800" }],
    ["arguments that are no text", { args: [] }],
    ["arguments that are no JSON", { args: "[" }],
    ["arguments that are no list", { args: "{}" }],
    ["too long arguments", { args: JSON.stringify(["x".repeat(65_536)]) }],
  ])("with %s is refused [S10]", async (_, wrong) => {
    await serve();
    const answer = await post({ ...question("state"), ...wrong });
    expect(answer.error?.code).toMatch(/^(invalid_option|store_unavailable)$/);
    expect(answer.state).toBeUndefined();
  });

  it.each(["constructor", "__proto__", "toString", "close", "fetch", "snapshot", ""])(
    "of a type that is none, %s, is refused [S10]",
    async (type) => {
      await serve();
      expect(await code(question(type))).toBe("worker_unavailable");
    },
  );

  it("of another version is told so, and nothing is done [S10]", async () => {
    await serve();
    const answer = await post({ ...question("signIn", credentials), tokenkeep: 2 });
    expect(answer).toMatchObject({ tokenkeep: 1, error: { code: "worker_unavailable" } });
    expect(answer.state).toBeUndefined();
    expect(api.calls).toEqual([]);
  });

  it("is answered only where the options will do: a store that cannot compare will not", async () => {
    const store = { ...memoryStore(), atomic: false };
    await expect(serve({ store, provider: acme({ rotation: "strict" }) })).rejects.toMatchObject({
      code: "invalid_option",
    });
  });

  it("is answered by one vault alone", async () => {
    await serve();
    await expect(serve()).rejects.toMatchObject({ code: "invalid_option" });
  });
});

describe("an answer", () => {
  it("holds no secret, whatever was asked [S7 S4]", async () => {
    await serve();
    const all = [
      await post(question("signIn", credentials)),
      await post(question("state")),
      await post(question("accounts")),
      await post(question("signIn", { ...credentials, password: "wrong-secret" })),
      await post(question("adopt", { accessToken: "with space-secret" })),
      await post(question("removeAccount", { account: "x-secret" })),
      await post(question("signOut")),
    ];
    expect(all.map((answer) => answer.tokenkeep)).toEqual(all.map(() => 1));
    const secrets = ["access-1-secret", "refresh-1-secret", credentials.password, "-secret"];
    expect(findSecrets(all, secrets)).toEqual([]);
  });

  it("does not wait for a lock that never comes [P10]", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    vi.stubGlobal("navigator", { locks: { request: () => new Promise(() => {}) } });
    await serve();
    const asked = post(question("accounts"));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await asked).toMatchObject({ tokenkeep: 1, value: [] });
    // And from then on at once.
    const next = await post(question("state"));
    expect(next.state).toMatchObject({ seq: expect.any(Number) });
    expect(next.state?.["lock"]).toBeUndefined();
  });
});
