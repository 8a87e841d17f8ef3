/** The VMCloud preset, as its page has it, against the test server. */
import { describe, expect, it } from "vitest";
import { createVault } from "../../../src/index.ts";
import { vmcloud, type VmcloudOptions } from "../../../src/providers/vmcloud.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { asFetch } from "../../apis/in-process.ts";
import { ada, createVmcloudApi } from "../../apis/vmcloud.ts";
import { manualClock } from "../../support/clock.ts";
import { fakeApi } from "../../support/fake-api.ts";

const credentials = { email: ada.email, password: ada.password };
const DAY = 86_400_000;

function open(options?: VmcloudOptions, server: Parameters<typeof createVmcloudApi>[0] = {}) {
  const clock = manualClock();
  const api = createVmcloudApi({ now: clock.now, ...server });
  const calls: Request[] = [];
  const send = asFetch(api.fetch);
  const vault = createVault({
    provider: vmcloud(options),
    store: memoryStore(),
    clock,
    random: () => 0.5,
    fetch(input, init) {
      calls.push(new Request(input, init));
      return send(input, init);
    },
  });
  return { vault, api, clock, calls };
}

describe("vmcloud()", () => {
  it("signs in, calls and refreshes at the page's addresses, with its fields", async () => {
    const { vault, calls, clock } = open();
    await vault.signIn(credentials);
    expect(calls[0]!.url).toBe("https://api.vmcloud.com/api/v1/auth/token");
    expect(await calls[0]!.json()).toEqual(credentials);

    const response = await vault.fetch("https://api.vmcloud.com/v1/vms");
    expect(await response.json()).toMatchObject({ vms: [{ name: "first of org-analytical" }] });
    expect(calls[1]!.headers.get("authorization")).toMatch(/^Bearer eyJ[\w.-]+$/);

    const first = await vault.getToken();
    await clock.advance(DAY);
    expect(await vault.getToken()).not.toBe(first);
    expect(calls[2]!.url).toBe("https://api.vmcloud.com/api/v1/auth/refresh");
    expect(await calls[2]!.json()).toEqual({ refresh_token: expect.stringMatching(/^rft_/) });
  });

  it.each([
    ["as the page says", []],
    ["without expires_at", ["expires_at"]],
  ] as const)("lives a day, %s", async (_, omit) => {
    const { vault, clock } = open({}, { omit });
    const start = clock.now();
    await vault.signIn(credentials);
    const { issuedAt, refreshAt, expiresAt, claims } = vault.snapshot();
    expect({ issuedAt, expiresAt }).toEqual({ issuedAt: start, expiresAt: start + DAY });
    expect((refreshAt! - start) / DAY).toBeCloseTo(0.775);
    expect(claims).toMatchObject({ email: ada.email, org: ada.org, plan: ada.plan });
  });

  it.each(["never", "", null, 17, {}])(
    "an opaque token with expires_at %j lives the assumed day [F17]",
    async (expires_at) => {
      const clock = manualClock();
      const fetch = async (): Promise<Response> => Response.json({ token: "opaque", expires_at });
      const provider = vmcloud();
      const vault = createVault({ provider, store: memoryStore(), clock, fetch });
      await vault.signIn(credentials);
      expect(vault.snapshot().expiresAt).toBe(clock.now() + DAY);
    },
  );

  it("an opaque token's expires_at that is past by this clock, and by no other, is no end [F16]", async () => {
    const clock = manualClock();
    const fetch = async (): Promise<Response> =>
      Response.json({ token: "opaque", expires_at: "2024-12-31T23:59:59Z" });
    const vault = createVault({ provider: vmcloud(), store: memoryStore(), clock, fetch });
    await vault.signIn(credentials);
    const life = vault.snapshot().expiresAt! - clock.now();
    expect(life).toBeGreaterThanOrEqual(DAY / 10);
    expect(life).toBeLessThanOrEqual(DAY);
  });

  it("an opaque token's expires_at counts against the reply's Date", async () => {
    const clock = manualClock();
    const date = "Tue, 31 Dec 2024 22:59:59 GMT";
    const fetch = async (): Promise<Response> =>
      Response.json({ token: "t", expires_at: "2024-12-31T23:59:59Z" }, { headers: { date } });
    const vault = createVault({ provider: vmcloud(), store: memoryStore(), clock, fetch });
    await vault.signIn(credentials);
    expect(vault.snapshot().expiresAt).toBe(clock.now() + 3_600_000);
  });

  it("a long-lived API key that was adopted serves until its 401, and not for the assumed day", async () => {
    const clock = manualClock();
    let status = 200;
    const fetch = async (): Promise<Response> => new Response("{}", { status });
    const vault = createVault({ provider: vmcloud(), store: memoryStore(), clock, fetch });
    await vault.adopt({ accessToken: "vmc_key" });
    expect(vault.snapshot().expiresAt).toBeUndefined();
    await clock.advance(400 * DAY);
    expect((await vault.fetch("https://api.vmcloud.com/v1/vms")).status).toBe(200);
    status = 401;
    expect((await vault.fetch("https://api.vmcloud.com/v1/vms")).status).toBe(401);
    expect(vault.snapshot().status).toBe("sign-in-required");
  });

  it("adopted with a refresh token, it lives the assumed day, and is refreshed", async () => {
    const { vault, clock } = open();
    await vault.adopt({ accessToken: "opaque", refreshToken: "rft_1" });
    expect(vault.snapshot().expiresAt).toBe(clock.now() + DAY);
  });

  it.each([undefined, null, ""])(
    "a refresh reply's refresh_token %j keeps the old one [F23]",
    async (given) => {
      const clock = manualClock();
      const sent: unknown[] = [];
      let count = 0;
      const vault = createVault({
        provider: vmcloud(),
        store: memoryStore(),
        clock,
        async fetch(_, init) {
          sent.push(JSON.parse(init!.body as string));
          const refresh_token = count ? given : "rft_1";
          return Response.json({ token: `t-${(count += 1)}`, refresh_token });
        },
      });
      await vault.signIn(credentials);
      for (const token of ["t-2", "t-3"]) {
        await clock.advance(DAY);
        expect(await vault.getToken()).toBe(token);
      }
      expect(sent.slice(1)).toEqual([{ refresh_token: "rft_1" }, { refresh_token: "rft_1" }]);
    },
  );

  it.each([
    ["https://staging.vmcloud.test", "https://staging.vmcloud.test"],
    ["https://staging.vmcloud.test/", "https://staging.vmcloud.test"],
    ["https://proxy.test/vm///", "https://proxy.test/vm"],
  ])("baseURL %s", async (baseURL, base) => {
    const { vault, calls } = open({ baseURL });
    const api = fakeApi();
    const adopted = createVault({
      provider: vmcloud({ baseURL }),
      store: memoryStore(),
      fetch: api.fetch,
    });
    await vault.signIn(credentials).catch(() => {});
    expect(calls[0]!.url).toBe(`${base}/api/v1/auth/token`);
    api.api = () => new Response();
    await adopted.adopt({ accessToken: "token" });
    await adopted.fetch(`${base}/v1/vms`);
    await adopted.fetch("https://api.vmcloud.com/v1/vms");
    await adopted.fetch("https://proxy.test/other");
    expect(api.calls.map(({ headers }) => headers.get("authorization"))).toEqual([
      "Bearer token",
      null,
      null,
    ]);
  });

  it("assumes strict rotation, and takes what one knows better", () => {
    expect(vmcloud().renewal).toEqual({ rotation: "strict", assumedLifetime: DAY });
    expect(
      vmcloud({ rotation: "none", reuseWindow: 5_000, assumedLifetime: 1_000 }).renewal,
    ).toEqual({ rotation: "none", reuseWindow: 5_000, assumedLifetime: 1_000 });
    expect(vmcloud({ baseURL: "https://x.test" }).name).toBe("vmcloud");
  });

  it("a firewall's 403 at the refresh ends no session [P17]", async () => {
    const { vault, api } = open();
    await vault.signIn(credentials);
    api.set({ ipBlocked: true });
    const controller = new AbortController();
    const statuses: (number | undefined)[] = [];
    vault.events(({ type, status }) => {
      if (type !== "trouble") return;
      statuses.push(status);
      controller.abort();
    });
    const rejected = await vault.getToken();
    await vault.getToken({ rejected, signal: controller.signal }).catch(() => {});
    expect(statuses).toEqual([403]);
    expect(api.counters().tokenCalls).toBe(1);
    expect(vault.snapshot().status).toBe("signed-in");
  });

  it("a firewall's 403 at the sign-in is no wrong password", async () => {
    const { vault, api } = open();
    api.set({ ipBlocked: true });
    await expect(vault.signIn(credentials)).rejects.toMatchObject({
      code: "sign_in_failed",
      status: 403,
    });
    api.set({ ipBlocked: false });
    await expect(vault.signIn({ ...credentials, password: "wrong" })).rejects.toMatchObject({
      code: "credentials_refused",
      status: 401,
    });
  });
});
