/** Times as servers tell them. */
import { describe, expect, it } from "vitest";
import { instantOf, skewOf } from "../../../src/grant/lifetime.ts";
import { bench, signedIn } from "../../support/vault.ts";
import { acme, credentials, reply } from "../../support/fake-api.ts";

const DAY = 86_400_000;
const now = Date.UTC(2026, 10, 28, 10);

describe("skewOf()", () => {
  it.each([0, 1, -1, 5_000, DAY, -DAY])("a Date that is %i ms ahead counts [F64 S18]", (skew) => {
    expect(skewOf(now + skew, now)).toBe(skew);
  });

  it.each([DAY + 1, -DAY - 1, 173 * 365 * DAY, -10 * 365 * DAY, Infinity, -Infinity, NaN])(
    "one that is %i ms ahead says nothing [F64 S18]",
    (skew) => {
      expect(skewOf(now + skew, now)).toBeUndefined();
    },
  );

  it("none says nothing [F64]", () => {
    expect(skewOf(undefined, now)).toBeUndefined();
    expect(skewOf(now, NaN)).toBeUndefined();
  });
});

describe("instantOf()", () => {
  it.each([
    ["2026-11-28T10:00:00", now],
    ["2026-11-28 10:00:00", now],
    ["2026-11-28T10:00", now],
    ["2026-11-28T10:00:00.000", now],
    ["2026-11-28T10:00:00.123456", now + 123],
    ["2026-11-28T10:00:00Z", now],
    ["2026-11-28T10:00:00+02:00", now - 7_200_000],
    ["2026-11-28T10:00:00-08:00", now + 28_800_000],
    ["2026-11-28", Date.UTC(2026, 10, 28)],
    ["2026-11-28t10:00:00", now],
    ["2026-11-28t10:00:00z", now],
    ["2026-11-28 10:00:00 +0200", now - 7_200_000],
    ["11/28/2026 10:00:00 UTC", now],
    ["2026-11-28 10:00:00+00", now],
    ["2026-11-28 12:00:00.123456+02", now + 123],
    ["2026-11-28 10:00:00 +0000 UTC", now],
    ["Sat Nov 28 10:00:00 UTC 2026", now],
    ["Sat Nov 28 10:00:00 GMT 2026", now],
    ["Sat, 28 Nov 2026 10:00:00 UT", now],
    ["2026-11-28T10:00:00.000000000Z", now],
    ["Sat Nov 28 2026 12:00:00 GMT+0200 (Central European Time)", now],
    ["Sat, 28 Nov 2026 10:00:00 GMT", now],
    [now, now],
  ])("%j is read, as UTC where it names no zone [F86]", (value, instant) => {
    expect(instantOf(value)).toBe(instant);
  });

  it.each([
    ...["", "soon", undefined, null, {}, [], true, "2026-11-28T25:00:00"],
    ...[NaN, 0, -1, Infinity, ":1".repeat(100_000)],
    // Each device would read them by its own zone.
    ...["11/28/2026 10:00:00 AM", "2026/11/28 10:00:00", "Sat, 28 Nov 2026 10:00:00", "11-28-2026"],
  ])("%o says nothing [F86 F17 S10]", (value) => {
    expect(instantOf(value)).toBeUndefined();
  });
});

it("expires_at without a zone is in UTC, wherever the client is [F86]", async () => {
  const { vault, api, clock } = bench({
    provider: acme({ read: (fields) => ({ accessToken: fields["t"], expiresAt: fields["at"] }) }),
  });
  const zone = process.env["TZ"];
  process.env["TZ"] = "Pacific/Auckland";
  try {
    const at = new Date(clock.now() + 3_600_000).toISOString().replace("Z", "");
    api.login = () => reply(200, { t: "token", at });
    await vault.signIn(credentials);
    expect(vault.snapshot().expiresAt).toBe(clock.now() + 3_600_000);
  } finally {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  }
});

it("a polluted prototype tells no life, and no refresh token [F67 S15]", async () => {
  const root: object = Object.prototype;
  const { vault, api } = bench();
  api.login = () => reply(200, { access_token: "token" });
  const names = ["expiresAt", "expiresIn", "aged", "refreshToken", "scope", "exp", "iat"];
  for (const name of names)
    Object.defineProperty(root, name, { value: "17", configurable: true, writable: true });
  try {
    await vault.signIn(credentials);
    await vault.adopt({ accessToken: "adopted" });
  } finally {
    for (const name of names) Reflect.deleteProperty(root, name);
  }
  const { expiresAt, scope } = vault.snapshot();
  expect({ expiresAt, scope }).toEqual({ expiresAt: undefined, scope: undefined });
});

it("a reply without a token brings none from a polluted prototype [F67 S15]", async () => {
  const root: object = Object.prototype;
  const { vault, api } = await signedIn();
  api.refresh = () => reply(200, {});
  api.login = () => reply(200, {});
  for (const name of ["accessToken", "access_token"])
    Object.defineProperty(root, name, { value: "X", configurable: true, writable: true });
  try {
    await expect(vault.signIn(credentials)).rejects.toMatchObject({ reason: "no_token" });
    expect(await vault.getToken()).toBe("access-1-secret");
  } finally {
    for (const name of ["accessToken", "access_token"]) Reflect.deleteProperty(root, name);
  }
});
