/** `password()` without a `refreshUrl`: its tokens are renewed by nothing but another sign-in. */
import { describe, expect, it } from "vitest";
import type { PasswordCredentials, PasswordOptions } from "../../../src/providers/password.ts";
import { password } from "../../../src/providers/password.ts";
import type { Provider } from "../../../src/types.ts";
import { credentials, ORIGIN, reply } from "../../support/fake-api.ts";
import { bench, type Bench, rejection, VMS } from "../../support/vault.ts";
import { HOUR } from "../refresh/faulty-parts.ts";

const REFRESH = "refresh-of-the-reply";

const acmeWithoutRenewal = (
  options: Partial<PasswordOptions> = {},
): Provider<PasswordCredentials> =>
  password({
    name: "acme",
    origins: [ORIGIN],
    tokenUrl: `${ORIGIN}/login`,
    read: (body) => ({
      accessToken: body["access_token"],
      refreshToken: body["refresh_token"],
      expiresIn: body["expires_in"],
      profile: body["user"],
    }),
    ...options,
  });

async function signedIn(user: unknown, options?: Partial<PasswordOptions>): Promise<Bench> {
  const one = bench({ provider: acmeWithoutRenewal(options) });
  let issued = 0;
  one.api.login = () =>
    reply(200, {
      access_token: `access-${++issued}-secret`,
      refresh_token: REFRESH,
      expires_in: 3600,
      user,
    });
  await one.vault.signIn(credentials);
  return one;
}

describe("a token that nothing renews", () => {
  it("is served to its end, and then the error asks to sign in; the profile stays [P15 P17]", async () => {
    const { vault, api, clock } = await signedIn({ name: "Ada" });
    expect((await vault.fetch(VMS)).status).toBe(200);
    await clock.advance(HOUR);
    const error = await rejection(clock.until(vault.fetch(VMS)));
    expect(error).toMatchObject({ code: "sign_in_required", status: undefined, reason: undefined });
    expect(error.message).toBe("Cannot refresh the session: it has ended. Sign in again.");
    expect(vault.snapshot()).toMatchObject({
      status: "sign-in-required",
      profile: { name: "Ada" },
    });
    expect(api.to("/login")).toHaveLength(1);
    await vault.signIn(credentials);
    expect((await vault.fetch(VMS)).status).toBe(200);
    expect(vault.snapshot()).toMatchObject({ status: "signed-in", profile: { name: "Ada" } });
  });

  it("is found by another context with its profile, and ends there alike [P15]", async () => {
    const { vault, store, clock, api } = await signedIn({ name: "Ada" });
    const other = bench({ provider: acmeWithoutRenewal(), store, clock, api }).vault;
    expect((await other.fetch(VMS)).status).toBe(200);
    expect(other.snapshot().profile).toEqual({ name: "Ada" });
    await clock.advance(HOUR);
    const error = await rejection(clock.until(other.getToken()));
    expect(error).toMatchObject({ code: "sign_in_required" });
    expect(vault.snapshot().status).toBe("sign-in-required");
  });

  it("that is rejected early gives its 401 back, and asks nobody else [P11]", async () => {
    const { vault, api, clock } = await signedIn({ name: "Ada" });
    api.api = () => reply(401, {});
    expect((await clock.until(vault.fetch(VMS))).status).toBe(401);
    expect(api.calls.map(({ url }) => url)).toEqual([`${ORIGIN}/login`, VMS]);
    expect(vault.snapshot().profile).toEqual({ name: "Ada" });
  });
});

describe("a refresh token that is kept by nobody", () => {
  it.each([
    ["as the profile's member", { name: "Ada", token: REFRESH }],
    ["deep in the profile", { name: "Ada", more: [{ a: { b: `x ${REFRESH} y` } }] }],
    ["as a name", { [REFRESH]: 1 }],
  ])("is shown by no snapshot: %s [S7]", async (_, user) => {
    const { vault, store } = await signedIn(user);
    expect(vault.snapshot().profile).toBeUndefined();
    expect(JSON.stringify(vault.snapshot())).not.toContain(REFRESH);
    const [key] = await store.list("");
    expect(JSON.stringify(await store.read(key!))).not.toContain(REFRESH);
  });
});
