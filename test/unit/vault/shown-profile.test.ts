/** The profile: what a login's reply says of the user, shown and never believed. */
import { describe, expect, it } from "vitest";
import type { RawGrant } from "../../../src/providers/password.ts";
import { encrypted, keyring } from "../../../src/stores/encrypted.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { StoredRecord, TokenStore } from "../../../src/types.ts";
import { acme, credentials, reply } from "../../support/fake-api.ts";
import { findSecrets } from "../../support/secrets.ts";
import { bench, rejection, signedIn, VMS } from "../../support/vault.ts";

/** A provider whose profile is the reply's `user`, or whatever `pick` makes of the reply. */
const provider = (pick = (body: Record<string, unknown>): unknown => body["user"]) =>
  acme({
    rotation: "none",
    read: (body): RawGrant => ({
      accessToken: body["access_token"],
      refreshToken: body["refresh_token"],
      expiresIn: body["expires_in"],
      profile: pick(body),
    }),
  });

const tokens = { access_token: "access-1-secret", refresh_token: 'refresh"1\\secret' };
const user = { name: "Ada", roles: ["admin", { of: "vms" }], address: { city: "London" } };

async function show(profile: unknown): Promise<unknown> {
  const { vault, api } = bench({ provider: provider(() => profile) });
  api.login = () => reply(200, tokens);
  await vault.signIn(credentials);
  return vault.snapshot().profile;
}

describe("a profile", () => {
  it("is shown as JSON, frozen and without a prototype at every depth [S10 S15]", async () => {
    const { vault, api } = bench({ provider: provider() });
    api.login = () => reply(200, { ...tokens, user });
    await vault.signIn(credentials);
    const { profile } = vault.snapshot();
    expect(profile).toEqual(user);
    const { roles, address } = profile as typeof user;
    for (const object of [profile, address, roles[1]]) {
      expect(Object.getPrototypeOf(object)).toBeNull();
      expect(Object.isFrozen(object)).toBe(true);
    }
    expect(Object.isFrozen(roles)).toBe(true);
    expect(vault.snapshot().profile).toBe(profile);
  });

  it("is what it was at the sign-in, whatever becomes of the object that read gave", async () => {
    const given = { name: "Ada", tags: ["a"] };
    const { vault, api } = bench({ provider: provider(() => given) });
    api.login = () => reply(200, tokens);
    await vault.signIn(credentials);
    given.name = "Mallory";
    given.tags.push("b");
    expect(vault.snapshot().profile).toEqual({ name: "Ada", tags: ["a"] });
  });

  const circle: Record<string, unknown> = {};
  circle["me"] = circle;
  it.each<[string, unknown]>([
    ["absent", undefined],
    ["null", null],
    ["a text", "Ada"],
    ["a list", [user]],
    ["a date", new Date()],
    ["a function", () => user],
    ["a circle", circle],
    ["with a bigint", { id: 1n }],
    ["too long", { name: "x".repeat(4_096) }],
  ])("that is %s is left out, and its token taken [S10 F70]", async (_, profile) => {
    expect(await show(profile)).toBeUndefined();
  });

  it("of 4,096 characters is shown", async () => {
    const name = "ü".repeat(4_096 - '{"name":""}'.length);
    expect(await show({ name })).toEqual({ name });
  });

  it.each<[string, unknown]>([
    ["the whole reply", tokens],
    ["the access token in a text", { link: `https://app/?t=${tokens.access_token}` }],
    ["the refresh token, deep inside", { a: [{ b: tokens.refresh_token }] }],
    ["a token as a name", { [tokens.refresh_token]: 1 }],
    ["a short one as a whole text", { a: ["short"] }],
  ])("that holds a token is left out: %s [S4 S7]", async (name, profile) => {
    const { vault, api } = bench({ provider: provider(() => profile) });
    const isShort = name.includes("short");
    api.login = () => reply(200, isShort ? { ...tokens, refresh_token: "short" } : tokens);
    await vault.signIn(credentials);
    expect(vault.snapshot().profile).toBeUndefined();
    expect(findSecrets([vault.snapshot(), vault], Object.values(tokens))).toEqual([]);
    expect(await vault.getToken()).toBe(tokens.access_token);
  });

  it("that holds a short token's letters by chance is shown", async () => {
    const { vault, api } = bench({ provider: provider() });
    api.login = () => reply(200, { access_token: "don", refresh_token: "A", user });
    await vault.signIn(credentials);
    expect(vault.snapshot().profile).toEqual(user);
  });

  it("takes its members from nobody else [S15]", async () => {
    const root = Object.prototype as Record<string, unknown>;
    try {
      root["profile"] = { admin: true };
      const { vault } = await signedIn({ provider: acme() });
      expect(vault.snapshot().profile).toBeUndefined();
      const seen = (await show({ name: "Ada" })) as { admin?: unknown; profile?: unknown };
      expect([seen.admin, seen.profile]).toEqual([undefined, undefined]);
    } finally {
      Reflect.deleteProperty(root, "profile");
    }
  });
});

describe("after a refresh", () => {
  it("the profile is kept where the reply brings none, and replaced where it brings one [F23]", async () => {
    const { vault, api, clock } = bench({ provider: provider() });
    const grant = (token: string, more: object): Response =>
      reply(200, { access_token: token, expires_in: 3_600, refresh_token: "r", ...more });
    api.login = () => grant("a-1", { user });
    await vault.signIn(credentials);
    const next = async (more: object): Promise<unknown> => {
      api.refresh = () => grant(`a-${vault.snapshot().generation! + 1}`, more);
      await clock.advance(3_600_000);
      await clock.until(vault.getToken());
      return vault.snapshot().profile;
    };
    expect(await next({})).toEqual(user);
    expect(await next({ user: null })).toEqual(user);
    expect(await next({ user: { name: "Countess" } })).toEqual({ name: "Countess" });
    expect(await next({})).toEqual({ name: "Countess" });
    expect(vault.snapshot().generation).toBe(5);
  });

  it("that is refused it stays until the sign-out, and is gone with it [S14]", async () => {
    const { vault, api, clock, store } = bench({ provider: provider() });
    api.login = () => reply(200, { ...tokens, expires_in: 3_600, user });
    await vault.signIn(credentials);
    api.refresh = () => reply(400, { error: "invalid_grant" });
    await clock.advance(3_600_000);
    expect(await rejection(clock.until(vault.fetch(VMS)))).toMatchObject({
      code: "sign_in_required",
    });
    expect(vault.snapshot().profile).toEqual(user);
    await vault.signOut();
    expect(vault.snapshot().profile).toBeUndefined();
    const [key = ""] = await store.list("");
    expect(JSON.stringify(await store.read(key))).not.toContain("London");
  });

  it("another user's sign-in leaves nothing of it", async () => {
    const { vault, api } = bench({ provider: provider() });
    api.login = () => reply(200, { ...tokens, user });
    await vault.signIn(credentials);
    api.login = () => reply(200, { access_token: "bobs" });
    await vault.signIn(credentials);
    expect(vault.snapshot().profile).toBeUndefined();
    await vault.adopt({ accessToken: "adopted", profile: user } as never);
    expect(vault.snapshot().profile).toBeUndefined();
  });
});

describe("in the store", () => {
  const ring = keyring(`k1:${btoa("k".repeat(32))}`);

  async function stored(store: TokenStore): Promise<StoredRecord | undefined> {
    const [key = ""] = await store.list("");
    return store.read(key);
  }

  it("the profile is sealed with the tokens, and another context shows it [S8]", async () => {
    const inner = memoryStore();
    const { vault, api } = bench({ provider: provider(), store: encrypted(inner, ring) });
    api.login = () => reply(200, { ...tokens, user });
    await vault.signIn(credentials);
    expect(findSecrets(await stored(inner), ["London", "Ada", "profile"])).toEqual([]);
    const other = bench({ provider: provider(), store: encrypted(inner, ring) });
    await other.vault.getToken();
    const { profile } = other.vault.snapshot();
    expect(profile).toEqual(user);
    expect(Object.isFrozen((profile as typeof user).address)).toBe(true);
  });

  it("the longest fits a sealed record beside two tokens of the longest kind [S5 S8]", async () => {
    const inner = memoryStore();
    const { vault, api } = bench({ provider: provider(), store: encrypted(inner, ring) });
    const longest = "x".repeat(16_384);
    const name = "漢".repeat(4_096 - '{"name":""}'.length);
    const [access_token, refresh_token] = [`a${longest.slice(1)}`, longest];
    api.login = () => reply(200, { access_token, refresh_token, user: { name } });
    await vault.signIn(credentials);
    expect(vault.snapshot()).toMatchObject({ persisted: true, profile: { name } });
    const other = bench({ provider: provider(), store: encrypted(inner, ring) });
    expect(await other.vault.getToken()).toBe(access_token);
  });

  it("what stands there is narrowed again: a longer one, or none, is not shown [S10]", async () => {
    for (const wrong of ["Ada", { name: "x".repeat(5_000) }, [1]]) {
      const { vault, store } = await signedIn({ provider: provider() });
      const record = (await stored(store))!;
      const body = { ...(record.body as object), profile: wrong, revision: 2 };
      const [key = ""] = await store.list("");
      await store.write(key, { ...record, revision: 2, body }, record);
      const other = bench({ provider: provider(), store });
      await other.vault.getToken();
      expect(other.vault.snapshot()).toMatchObject({ status: "signed-in" });
      expect(other.vault.snapshot().profile).toBeUndefined();
      vault.close();
    }
  });

  it("no event, no error and no token call holds it [S4]", async () => {
    const { vault, api, events, clock } = bench({ provider: provider() });
    api.login = () => reply(200, { ...tokens, expires_in: 3_600, user });
    await vault.signIn(credentials);
    api.refresh = () => reply(400, { error: "invalid_grant" });
    await clock.advance(3_600_000);
    const error = await rejection(clock.until(vault.fetch(VMS)));
    const sent = api.calls.map(({ url, body, headers }) => [url, body, [...headers]]);
    expect(findSecrets([events, error, sent], ["London"])).toEqual([]);
  });
});
