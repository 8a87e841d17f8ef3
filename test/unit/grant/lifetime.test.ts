/** How long a token is taken to live, told by what servers say and by what they do not. */
import { describe, expect, it } from "vitest";
import { type ManualClock, manualClock, settle } from "../../support/clock.ts";
import { acme, type FakeApi, fakeApi, jwt, reply } from "../../support/fake-api.ts";
import { bench, refreshes, signedIn, VMS } from "../../support/vault.ts";

const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;

const apiGranting = (grant: object): FakeApi => {
  const api = fakeApi();
  api.login = () => reply(200, { access_token: "access-1-secret", refresh_token: "r-1", ...grant });
  return api;
};

/** The life that a grant is given, `undefined` for unknown. */
async function lifeOf(grant: object, assumedLifetime?: number): Promise<number | undefined> {
  const provider = acme(assumedLifetime === undefined ? {} : { assumedLifetime });
  const { vault } = await signedIn({ api: apiGranting(grant), provider });
  const { expiresAt, issuedAt } = vault.snapshot();
  return expiresAt === undefined ? undefined : expiresAt - issuedAt!;
}

describe("what a reply says", () => {
  it.each([
    [3600, HOUR],
    ["3600", HOUR],
    [1.5, 1500],
  ])("expires_in %j is a life [F17]", async (expires_in, life) => {
    expect(await lifeOf({ expires_in })).toBe(life);
  });

  it.each([
    undefined,
    null,
    "",
    "soon",
    "1e300",
    1e300,
    -1,
    -3600,
    0,
    "NaN",
    true,
    [],
    [3600],
    {},
    "Infinity",
    1e12,
  ])("expires_in %j is an unknown life: the assumed one, or none [F17 S12]", async (expires_in) => {
    expect(await lifeOf({ expires_in })).toBeUndefined();
    expect(await lifeOf({ expires_in }, 2 * HOUR)).toBe(2 * HOUR);
  });

  it.each([Infinity, NaN, 0, 1e300])(
    "an assumed lifetime of %d is none: JSON, and so a sealed record, cannot keep it [F17]",
    async (assumed) => {
      expect(await lifeOf({}, assumed)).toBeUndefined();
    },
  );

  it("the claims of a JWT are asked next, as a difference [S12]", async () => {
    // Long past by this clock: only the difference counts.
    expect(await lifeOf({ access_token: jwt({ iat: 1_000_000, exp: 1_003_600 }) })).toBe(HOUR);
  });

  it.each([
    { exp: 1e300, iat: 1 },
    { exp: "1800003600", iat: 1_800_000_000 },
    { exp: -1, iat: -2 },
    { exp: 1_800_000_000, iat: 1_800_003_600 },
    { exp: null },
    {},
  ])("claims %j are unknown [S12 F17]", async (claims) => {
    expect(await lifeOf({ access_token: jwt(claims) })).toBeUndefined();
  });

  it.each(["a.b.c", "a.e30.c", "..", "a.%%%.c", jwt([1]), jwt("text"), jwt(null)])(
    "%j is a token like any other, without claims to go by [S12]",
    async (access_token) => {
      const { vault } = await signedIn({
        api: apiGranting({ access_token }),
        provider: acme({
          read: (body) => ({ accessToken: String(body["access_token"]).replaceAll("%", "_") }),
        }),
      });
      expect(vault.snapshot()).toMatchObject({ status: "signed-in" });
      expect(vault.snapshot().expiresAt).toBeUndefined();
    },
  );

  it("members of the wrong type are left out, the token serves [S10]", async () => {
    const { vault, store, clock } = await signedIn({
      api: apiGranting({ scope: { __proto__: null, evil: true }, expires_in: 3600 }),
    });
    expect(vault.snapshot().scope).toBeUndefined();
    const again = bench({ store, clock });
    await again.vault.getToken();
    expect(again.vault.snapshot().status).toBe("signed-in");
  });

  it("an end that leaves less than a minute by this clock says that the clock is off: no loop comes of it [F16 P15]", async () => {
    const at = (left: number): object => ({ ends: manualClock().now() + left });
    const read = (fields: Record<string, unknown>): object => ({
      accessToken: fields["access_token"],
      refreshToken: fields["refresh_token"],
      expiresAt: fields["ends"],
    });
    const told = async (left: number): Promise<unknown> => {
      const { vault } = await signedIn({ api: apiGranting(at(left)), provider: acme({ read }) });
      return vault.snapshot().expiresAt;
    };
    expect(await told(59_000)).toBeUndefined();
    expect(await told(61_000)).toBe(manualClock().now() + 61_000);
    // A server a day behind: each of its tokens, which live a day, ends here and now.
    const api = apiGranting(at(2_000));
    api.refresh = () => reply(200, { access_token: "access-2-secret", ...at(2_000) });
    const { vault, clock } = await signedIn({
      api,
      refreshAhead: true,
      provider: acme({ read }),
    });
    await clock.advance(HOUR);
    expect((await vault.fetch(VMS)).status).toBe(200);
    expect(refreshes({ api })).toBe(0);
  });

  it("with an unknown life only a 401 refreshes [F17]", async () => {
    const { vault, api, clock } = await signedIn({ api: apiGranting({}) });
    await clock.advance(YEAR);
    expect((await vault.fetch(VMS)).status).toBe(200);
    expect(refreshes({ api })).toBe(0);
    api.api = ({ headers }) =>
      reply(headers.get("authorization") === "Bearer access-1-secret" ? 401 : 200, {});
    api.refresh = () => reply(200, { access_token: "access-2-secret" });
    expect((await vault.fetch(VMS)).status).toBe(200);
    expect(refreshes({ api })).toBe(1);
  });
});

describe("what is adopted", () => {
  it.each([NaN, Infinity, 1e300, "2030-01-01" as never, null as never])(
    "an expiry of %s never breaks the session [F17]",
    async (expiresAt) => {
      const { vault, store, clock } = bench();
      await vault.adopt({ accessToken: "adopted", expiresAt }).catch((error: unknown) => {
        // To say that it makes no sense is as good.
        expect(error).toMatchObject({ code: expect.stringMatching(/^invalid_/) });
        return vault.adopt({ accessToken: "adopted" });
      });
      expect(await vault.getToken()).toBe("adopted");
      const other = bench({ store, clock });
      expect(await other.vault.getToken()).toBe("adopted");
      expect(vault.snapshot().expiresAt ?? 0).toBeLessThan(clock.now() + 11 * YEAR);
    },
  );

  it("a token that was adopted has aged: its exp counts, not exp - iat [F16]", async () => {
    const { vault, clock } = bench();
    const now = clock.now() / 1000;
    await vault.adopt({ accessToken: jwt({ iat: now - 3000, exp: now + 600 }) });
    expect(vault.snapshot().expiresAt).toBe(clock.now() + 600_000);
  });
});

/** A server whose clock is right while the client's is off, telling its time in three ways. */
const tellings: Readonly<Record<string, (time: number) => [object, HeadersInit?]>> = {
  expires_in: () => [{ expires_in: 3600 }],
  "exp and iat": (time) => [
    { access_token: jwt({ iat: time / 1000, exp: time / 1000 + 3600, jti: time }) },
  ],
  "an instant and a Date": (time) => [
    { expires_at: time + HOUR },
    { date: new Date(time).toUTCString() },
  ],
};

describe.each(Object.keys(tellings))("the life is told by %s [F16]", (name) => {
  const tell = tellings[name]!;

  it.each([-10 * YEAR, -HOUR, 0, HOUR, 10 * YEAR])(
    "and counts from the start of the request, with a clock off by %i ms",
    async (offset) => {
      const clock: ManualClock = manualClock();
      const server = clock.now() - offset;
      const api = fakeApi();
      const grant = (n: number) => (): Response => {
        const [body, headers] = tell(server + clock.running());
        return reply(
          200,
          { access_token: `access-${n}`, refresh_token: `r-${n}`, ...body },
          headers,
        );
      };
      api.login = async () => {
        // The reply is long on its way: the token ages meanwhile.
        clock.jump(10_000);
        return grant(1)();
      };
      api.refresh = grant(2);
      const start = clock.now();
      const provider = acme({
        read: ({ access_token, refresh_token, expires_in, expires_at }) => ({
          accessToken: access_token,
          refreshToken: refresh_token,
          expiresIn: expires_in,
          expiresAt: expires_at,
        }),
      });
      const { vault } = await signedIn({ clock, api, provider });
      expect(vault.snapshot()).toMatchObject({ issuedAt: start, expiresAt: start + HOUR });

      await clock.advance(0.7 * HOUR);
      await vault.getToken();
      await settle();
      expect(refreshes({ api })).toBe(0);
      await clock.advance(0.3 * HOUR);
      await vault.getToken();
      await settle();
      expect(refreshes({ api })).toBe(1);
    },
  );
});

describe("when it is renewed", () => {
  it("the soft time is jittered between 75 and 80 % of the life [P18]", async () => {
    const shares = [];
    for (const random of [0, 0.5, 0.999]) {
      const { vault } = await signedIn({ random: () => random });
      const { issuedAt, refreshAt, expiresAt } = vault.snapshot();
      shares.push((refreshAt! - issuedAt!) / (expiresAt! - issuedAt!));
    }
    expect(new Set(shares).size).toBe(3);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.75);
    expect(Math.max(...shares)).toBeLessThanOrEqual(0.8);
  });

  it("after the soft time the token serves while it is renewed in the background", async () => {
    const { vault, api, clock } = await signedIn();
    const { refreshAt } = vault.snapshot();
    await clock.advance(refreshAt! - clock.now() - 1);
    expect(await vault.getToken()).toBe("access-1-secret");
    await settle();
    expect(refreshes({ api })).toBe(0);
    await clock.advance(1);
    expect(await vault.getToken()).toBe("access-1-secret");
    await settle();
    expect(refreshes({ api })).toBe(1);
    expect(await vault.getToken()).toBe("access-2-secret");
  });

  it("close to the end callers wait for the new one", async () => {
    const { vault, clock } = await signedIn();
    await clock.advance(vault.snapshot().expiresAt! - clock.now() - 10_000);
    expect(await vault.getToken()).toBe("access-2-secret");
  });

  it("a life of nine years arms no timer above 2^31 ms, and refreshes nothing early [F15]", async () => {
    const api = apiGranting({ expires_in: (9 * YEAR) / 1000 });
    const { vault, clock } = await signedIn({ api, refreshAhead: true });
    await clock.advance(0);
    expect(clock.pending().length).toBeGreaterThan(0);
    expect(Math.max(...clock.pending())).toBeLessThan(2 ** 31);
    await clock.advance(48 * HOUR);
    expect(refreshes({ api })).toBe(0);
    expect(await vault.getToken()).toBe("access-1-secret");
  });

  it("refreshAhead renews at the soft time though nobody calls, and goes on doing so [F15]", async () => {
    const { vault, api, clock } = await signedIn({ refreshAhead: true });
    await clock.advance(0.74 * HOUR);
    expect(refreshes({ api })).toBe(0);
    await clock.advance(0.07 * HOUR);
    expect(refreshes({ api })).toBe(1);
    await clock.advance(HOUR);
    expect(refreshes({ api })).toBe(2);
    vault.close();
    expect(clock.pending()).toEqual([]);
  });
});

it.each([NaN, 0, Infinity, -1])(
  "an expiresAt of %d says nothing: the JWT's own end counts [F17]",
  async (expiresAt) => {
    const clock = manualClock();
    const api = fakeApi();
    api.login = () => reply(200, { token: jwt({ exp: (clock.now() + HOUR) / 1_000 }) });
    const provider = acme({ read: ({ token }) => ({ accessToken: token, expiresAt }) });
    const { vault } = await signedIn({ api, provider, clock });
    expect(vault.snapshot().expiresAt).toBe(clock.now() + HOUR);
  },
);
