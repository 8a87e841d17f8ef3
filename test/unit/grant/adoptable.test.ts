/** What `adopt` takes, and what it leaves. */
import { describe, expect, it } from "vitest";
import { adoptable } from "../../../src/grant/adoptable.ts";
import { bench } from "../../support/vault.ts";

const thrown = (tokens: unknown): unknown => {
  try {
    return adoptable(tokens);
  } catch (error) {
    return error;
  }
};

describe("adoptable()", () => {
  it("takes its four members and no others [F65 S17]", () => {
    const tokens = { accessToken: "a", refreshToken: "r", expiresAt: 17, scope: "x y" };
    const more = { material: { apiKey: "k" }, aged: false, expiresIn: 1, date: 1, sessionId: "s" };
    expect(adoptable({ ...tokens, ...more })).toEqual(tokens);
    expect(Object.keys(adoptable({ ...tokens, ...more })).sort()).toEqual(
      Object.keys(tokens).sort(),
    );
    expect(JSON.stringify(adoptable({ accessToken: "a" }))).toBe('{"accessToken":"a"}');
  });

  it("takes an object's own members only [F67 S15]", () => {
    expect(thrown(Object.create({ accessToken: "inherited" }))).toMatchObject({
      code: "invalid_token",
      reason: "no_token",
    });
    const inherited = { refreshToken: "r", expiresAt: 1, scope: "s" };
    const own = Object.assign(Object.create(inherited) as object, { accessToken: "a" });
    expect(JSON.stringify(adoptable(own))).toBe('{"accessToken":"a"}');
    // Members that a JSON's author wrote so.
    const parsed: unknown = JSON.parse('{"accessToken":"a","__proto__":{"refreshToken":"r"}}');
    expect(JSON.stringify(adoptable(parsed))).toBe('{"accessToken":"a"}');
  });

  it("looks at each member once: what was checked is what is taken [S10]", () => {
    let n = 0;
    const tokens = {
      get accessToken() {
        return n++ ? "a b" : "good";
      },
    };
    expect(adoptable(tokens)).toMatchObject({ accessToken: "good" });
    expect(n).toBe(1);
  });

  it.each([
    [{}, "no_token"],
    [{ accessToken: "" }, "no_token"],
    [{ accessToken: "Bearer A1" }, "scheme_in_token"],
    [{ accessToken: "a\n" }, "line_break_in_token"],
    [{ accessToken: "a", refreshToken: "" }, "no_token"],
    [{ accessToken: "a", refreshToken: null }, "no_token"],
    [{ accessToken: "a", refreshToken: "r\n" }, "line_break_in_token"],
    [{ accessToken: "a", refreshToken: "r é" }, "non_ascii_in_token"],
    [{ accessToken: "a", refreshToken: "Bearer r" }, "scheme_in_token"],
    [{ accessToken: "a", refreshToken: "r " }, "space_in_token"],
    [{ accessToken: "a", refreshToken: "r".repeat(32_769) }, "token_too_long"],
  ])("%j is an invalid_token: %s [S5 F69]", (tokens, reason) => {
    expect(thrown(tokens)).toMatchObject({ code: "invalid_token", reason });
  });

  it.each([
    undefined,
    null,
    "token",
    17,
    ["token"],
    { accessToken: "a", expiresAt: NaN },
    { accessToken: "a", expiresAt: Infinity },
    { accessToken: "a", expiresAt: "2030-01-01" },
    { accessToken: "a", expiresAt: null },
    { accessToken: "a", expiresAt: new Date(0) },
    { accessToken: "a", scope: ["x"] },
    { accessToken: "a", scope: null },
  ])("%j is an invalid_option [S10 S17]", (tokens) => {
    expect(thrown(tokens)).toMatchObject({ code: "invalid_option" });
  });

  it("is what a vault adopts by: no material comes along [F65]", async () => {
    const { vault, store } = bench();
    await vault.adopt({ accessToken: "a", material: { apiKey: "planted" } } as never);
    const [key = ""] = await store.list("");
    expect(JSON.stringify(await store.read(key))).not.toContain("planted");
  });
});
