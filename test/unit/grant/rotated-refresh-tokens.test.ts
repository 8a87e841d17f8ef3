/** A refresh token that comes with a new access token, in each form that a server may give it. */
import { describe, expect, it } from "vitest";
import { acme, reply } from "../../support/fake-api.ts";
import { rejection, refreshes, signedIn } from "../../support/vault.ts";

const HOUR = 3_600_000;

const sent = (body: string): unknown => JSON.parse(body).refresh_token;

/** Signed in and refreshed once; the refresh brought this refresh token. */
async function refreshedWith(token: unknown, rotation: "strict" | "none") {
  const one = await signedIn({ provider: acme({ rotation }) });
  one.api.refresh = () =>
    refreshes(one) === 1
      ? reply(200, { access_token: "access-2", refresh_token: token, expires_in: 3600 })
      : reply(200, { access_token: "access-3", expires_in: 3600 });
  await one.clock.advance(HOUR);
  expect(await one.clock.until(one.vault.getToken())).toBe("access-2");
  return one;
}

it.each([
  ["a space", "two words"],
  ["marks that a body escapes", 'a"quote&b=c%\\'],
  ["the most characters", "r".repeat(32_768)],
])(
  "a refresh token of visible ASCII, with %s, is kept, and sent as it came [P2 F70]",
  async (_, token) => {
    const { vault, api, clock } = await refreshedWith(token, "strict");
    await clock.advance(HOUR);
    await clock.until(vault.getToken());
    expect(api.to("/refresh").map(({ body }) => sent(body))).toEqual(["refresh-1-secret", token]);
  },
);

describe.each([
  ["a control character", "r\u0000"],
  ["a line break", "r\n"],
  ["a letter beyond ASCII", "r\u00e9"],
  ["too many characters", "r".repeat(32_769)],
])("a refresh token with %s, which cannot be kept,", (_, token) => {
  it("leaves the access token in use, and the spent one is not sent again under strict rotation [P2 F70]", async () => {
    const one = await refreshedWith(token, "strict");
    const { vault, clock } = one;
    expect(vault.snapshot()).toMatchObject({ status: "signed-in", generation: 2 });
    await clock.advance(HOUR);
    const error = await rejection(clock.until(vault.getToken()));
    expect(error).toMatchObject({ code: "sign_in_required", reason: "refresh_token_unusable" });
    expect(refreshes(one)).toBe(1);
  });

  it("leaves the old one in use where tokens do not rotate [F70]", async () => {
    const { vault, api, clock } = await refreshedWith(token, "none");
    await clock.advance(HOUR);
    await clock.until(vault.getToken());
    const old = "refresh-1-secret";
    expect(api.to("/refresh").map(({ body }) => sent(body))).toEqual([old, old]);
  });
});

it("a session that began with a refresh token that cannot be kept says so when it has ended [P2 F70]", async () => {
  const { vault, api, clock } = await signedIn();
  api.login = () => reply(200, { access_token: "new", refresh_token: "r\n", expires_in: 3600 });
  await vault.signIn({ email: "a", password: "b" });
  expect(await vault.getToken()).toBe("new");
  await clock.advance(HOUR);
  const error = await rejection(clock.until(vault.getToken()));
  expect(error).toMatchObject({ code: "sign_in_required", reason: "refresh_token_unusable" });
  expect(api.to("/refresh")).toEqual([]);
});
