/** How a token is shown: what a header can carry, and what it carries. */
import { describe, expect, it } from "vitest";
import { presentationOf } from "../../../src/request/presentation.ts";
import { stage, status, token, tokens, VMS } from "./given-source.ts";

describe("a token", () => {
  it.each([
    [{}, "authorization", "Bearer token-1"],
    [{ scheme: "Token" }, "authorization", "Token token-1"],
    [{ scheme: "own.!~" }, "authorization", "own.!~ token-1"],
    [{ header: "Authorization" }, "authorization", "token-1"],
    [{ header: "X-API-Key" }, "x-api-key", "token-1"],
    [{ header: "X-API-Key", scheme: "Key" }, "x-api-key", "Key token-1"],
    [{ header: undefined, scheme: undefined } as object, "authorization", "Bearer token-1"],
  ])("by %j is shown in %s as %s [S6]", (provider, header, value) => {
    const presentation = presentationOf(provider);
    expect(presentation.header).toBe(header);
    expect(presentation.show(token(1))).toBe(value);
    expect(presentation.show(token(2))).toBe(value.replace("1", "2"));
    expect(presentation.show(token(1))).toBe(value);
  });

  it.each([
    { scheme: "" },
    { scheme: " " },
    { scheme: "Bearer token-1" },
    { scheme: "Bearer," },
    { scheme: "B\u0000" },
    { scheme: "Bäcker" },
    { scheme: {} as string },
    { header: "" },
    { header: "X API" },
    { header: "X-API:" },
    { header: "x\r\ny" },
    { header: ["X-A", "X-B"] as unknown as string },
  ])("by %j is shown nowhere: no header can carry it [S5]", (provider) => {
    expect(() => presentationOf(provider)).toThrow(
      expect.objectContaining({ code: "invalid_option" }),
    );
  });
});

describe("a call whose token the runtime's own following would take along", () => {
  const presentation = presentationOf({ header: "X-API-Key" });

  it.each<[RequestInit["redirect"], string]>([
    [undefined, "error"],
    ["follow", "error"],
    ["manual", "manual"],
    ["error", "error"],
  ])("in the mode %s goes out in the mode %s [S2]", async (redirect, mode) => {
    for (const init of [{ redirect }, { redirect, headers: new Headers() }]) {
      const one = stage({ presentation });
      await one.fetch(VMS, init as RequestInit);
      await one.fetch(new Request(VMS, redirect && { redirect }));
      await one.fetch(new Request(VMS, { redirect: "error" }), init as RequestInit);
      const sent = one.sent.map(({ input, init: { redirect: own } }) =>
        own === undefined ? (input as Request).redirect : own,
      );
      expect(sent).toEqual([mode, mode, redirect === undefined ? "error" : mode]);
    }
  });

  it("goes out so the second time too, with the newer token [P11 S2]", async () => {
    const one = stage({
      presentation,
      replies: [status(401), status(200)],
      getToken: ({ rejected }) => token(rejected ? 2 : 1),
    });
    expect((await one.fetch(VMS)).status).toBe(200);
    const seen = one.sent.map(({ init }) => [
      init.redirect,
      new Headers(init.headers).get("x-api-key"),
    ]);
    expect(seen).toEqual([
      ["error", "token-1"],
      ["error", "token-2"],
    ]);
    expect(tokens(one)).toEqual([null, null]);
  });

  it("is any but one with Authorization [S2]", async () => {
    const one = stage({ presentation: presentationOf({ header: "Authorization" }) });
    await one.fetch(VMS, { redirect: "follow" });
    expect(one.sent[0]!.init.redirect).toBe("follow");
  });
});
