/** Which requests of a page a worker gives a token for, and which token. */
import { describe, expect, it } from "vitest";
import type { PasswordCredentials } from "../../../src/providers/password.ts";
import type { ServeOptions } from "../../../src/worker.ts";
import { clockAhead } from "../../support/clock.ts";
import { acme, credentials, jwt, ORIGIN, reply } from "../../support/fake-api.ts";
import { type Answered, api, code, post, question, serve, VMS } from "./worker-part.ts";

describe("a token", () => {
  it("is given for listed URLs only, whatever the page makes of them [S1]", async () => {
    await serve();
    await post(question("signIn", credentials));
    const ask = async (url: unknown): Promise<unknown> =>
      (await post(question("token", { url }))).value;
    expect(await ask(VMS)).toMatchObject({
      authorization: "Bearer access-1-secret",
      generation: 1,
    });
    for (const url of [
      "https://evil.test/",
      `${ORIGIN}.evil.test/`,
      `${ORIGIN}@evil.test/`,
      "http://api.acme.test/",
      "",
      null,
      {},
    ])
      expect(await ask(url)).toBeUndefined();
  });

  it("is given again for a rejected generation without end, and heals no less after it [S10 P13]", async () => {
    await serve({ patience: 500 });
    await post(question("signIn", credentials));
    const need = `"url":"${VMS}","method":"GET"`;
    const ask = (more: string): Promise<Answered> =>
      post({ ...question("token"), args: `[{${need}${more}}]` });
    const { value } = await ask("");
    const { sessionId } = value as { sessionId: string };
    await ask(`,"sessionId":"${sessionId}","generation":1e999`);
    const healed = await ask(`,"sessionId":"${sessionId}","generation":1`);
    expect(healed.value).toMatchObject({ generation: 2 });
  });

  it("in place of a rejected one that does not come in time is none: the 401 is the answer [F51]", async () => {
    let now = 0;
    await serve({ patience: 50, clock: clockAhead(() => now) });
    await post(question("signIn", credentials));
    const { value } = await post(question("token", { url: VMS, method: "GET" }));
    api.refresh = () => reply(503, {});
    now = 4_000_000;
    expect(await code(question("token", { url: VMS, method: "GET" }))).toBe("refresh_failed");
    const rejected = { ...(value as object), url: VMS, method: "GET" };
    const answer = await post(question("token", rejected));
    expect(answer.error).toBeUndefined();
    expect(answer.value).toBeUndefined();
  });

  it("a rejection that names another session's starts no refresh [P12 S11]", async () => {
    await serve();
    await post(question("signIn", credentials));
    const url = VMS;
    const ask = async (rejected: object): Promise<unknown> =>
      (await post(question("token", { url, ...rejected }))).value;
    expect(await ask({ sessionId: "another", generation: 1 })).toMatchObject({ generation: 1 });
    expect(await ask({ sessionId: { evil: 1 }, generation: "NaN" })).toMatchObject({
      generation: 1,
    });
    expect(api.to("/refresh")).toHaveLength(0);
  });
});
describe("a token in its provider's own way", () => {
  it.each<[object, object]>([
    [{}, { header: "authorization", authorization: "Bearer access-1-secret" }],
    [{ scheme: "ApiKey" }, { header: "authorization", authorization: "ApiKey access-1-secret" }],
    [{ header: "X-API-Key" }, { header: "x-api-key", authorization: "access-1-secret" }],
    [
      { header: "X-Auth", scheme: "Token" },
      { header: "x-auth", authorization: "Token access-1-secret" },
    ],
  ])("is given with the header's name: %j [S6]", async (presentation, shown) => {
    await serve({ provider: { ...acme(), ...presentation } });
    await post(question("signIn", credentials));
    expect((await post(question("token", { url: VMS }))).value).toMatchObject(shown);
  });

  it("is not given to a request that has this header itself, and needs no session then [S6]", async () => {
    await serve({ provider: { ...acme(), header: "X-API-Key" } });
    const ask = (...headers: unknown[]): Promise<Answered> =>
      post(question("token", { url: VMS, headers }));
    expect((await ask("accept", "x-api-key")).value).toBeUndefined();
    expect((await ask("accept", "x-api-key")).error).toBeUndefined();
    await post(question("signIn", credentials));
    expect((await ask("accept", "x-api-key")).value).toBeUndefined();
    for (const headers of [["authorization"], [], [7, "x-api-key"]])
      expect((await ask(...headers)).value).toMatchObject({ generation: 1 });
    for (const headers of [null, "x-api-key", { 0: "x-api-key" }])
      expect((await post(question("token", { url: VMS, headers }))).value).toMatchObject({
        generation: 1,
      });
  });
});

describe("a token that is signed here", () => {
  const url = VMS;
  const signer = {
    ...acme(),
    signIn: async (_: unknown, { now }: { now(): number }) => sign(now()),
    renew: async (_: unknown, { now }: { now(): number }) => sign(now()),
    renewal: { rotation: "none", needsRefreshToken: false, selfSigned: true },
  } as ServeOptions<PasswordCredentials>["provider"];
  const sign = (now: number): object => ({
    type: "granted",
    grant: { accessToken: jwt({ iat: now }), expiresIn: 3_600 },
  });
  const iatOf = ({ value }: Answered): number => {
    const { authorization } = value as { authorization: string };
    return JSON.parse(atob(authorization.split(".")[1]!)).iat;
  };

  it.each<[unknown, boolean]>([
    [Date.now() + 20 * 3_600_000, true],
    [Date.UTC(2036, 0), false],
    [Date.UTC(2200, 0), false],
    ["2036-01-01", false],
    [-1, false],
    [0, false],
    [1e300, false],
    [null, false],
    [{}, false],
    [undefined, false],
  ])(
    "is signed by the time of its 401, if that is within a day: %o [F16 F64 S10]",
    async (date, isTime) => {
      await serve({ provider: signer });
      await post(question("signIn", credentials));
      const first = (await post(question("token", { url }))).value as object;
      const next = await post(question("token", { ...first, url, date }));
      const far = iatOf(next) - Date.now() > 3_600_000;
      expect(far).toBe(isTime);
      const { clockError } = next.value as { clockError?: object };
      expect(clockError).toEqual(
        isTime ? undefined : expect.objectContaining({ code: "clock_unknown", status: 401 }),
      );
    },
  );
});

describe("a page's request that goes out bare", () => {
  const bare = async (url: string): Promise<unknown[]> => {
    const { state } = await post({ ...question("token", { url }), seen: { owner: "x", seq: 0 } });
    const news = (state?.["news"] ?? []) as { event?: { type: string; origin?: string } }[];
    return news.flatMap(({ event }) => (event?.type === "bare" ? [event.origin] : []));
  };

  it("is told, once for each origin that is not listed [F88]", async () => {
    await serve();
    expect(await bare(VMS)).toEqual([]);
    expect(await bare("https://evil.test/a?secret")).toEqual(["https://evil.test"]);
    expect(await bare("https://evil.test/b")).toEqual(["https://evil.test"]);
    expect(await bare("http://api.acme.test/")).toEqual([
      "https://evil.test",
      "http://api.acme.test",
    ]);
    // An address that is none names no origin.
    expect(await bare("data:text/plain,x")).toHaveLength(2);
  });
});
