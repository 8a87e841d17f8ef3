/** Hours and days of virtual time: a server whose tokens end when it likes, and clients that call. */
import { expect } from "vitest";
import { createVault, type Vault, type VaultOptions } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";
import { acme, credentials, ORIGIN, reply } from "../../support/fake-api.ts";
import { closedAfter } from "../../support/vault.ts";
import { HOUR, MINUTE, SECOND } from "./faulty-parts.ts";

export const GOOD: string = `${ORIGIN}/v1/good`;
export const BAD: string = `${ORIGIN}/v1/bad`;

export interface LapsingOptions {
  /** How long an access token really lives. */
  readonly life: number;
  /** What the reply says of it; nothing by default. */
  readonly told?: unknown;
  /** A token that was not used for so long is dead. */
  readonly idle?: number;
  /** The server's clock shows seconds alone: what was got late in a second has lost a part of it. */
  readonly isInSeconds?: boolean;
}

/** A server whose tokens end when it likes, quick enough for days of virtual time. */
export interface Lapsing {
  readonly fetch: typeof fetch;
  refreshes: number;
  /** Refresh tokens that came a second time. */
  reuses: number;
  /** The token endpoint answers 503. */
  isDown: boolean;
  /** Nobody reaches the token endpoint. */
  isGone: boolean;
  /** Which paths are answered 401, always; those below `/v1/bad` by default. */
  isBad(pathname: string): boolean;
  /** Ends every access token. */
  revokeAll(): void;
}

export function lapsing(
  clock: ManualClock,
  { life, told, idle = Infinity, isInSeconds = false }: LapsingOptions,
): Lapsing {
  const tokens = new Map<string, { endsAt: number; usedAt: number }>();
  let issued = 0;

  function grant(): Response {
    const name = `access-${(issued += 1)}`;
    const now = clock.running();
    const read = isInSeconds ? now - (now % SECOND) : now;
    tokens.set(name, { endsAt: read + life, usedAt: now });
    const body = { access_token: name, refresh_token: `refresh-${issued}` };
    return reply(200, told === undefined ? body : { ...body, expires_in: told });
  }

  function isGood(name: string): boolean {
    const token = tokens.get(name);
    const now = clock.running();
    if (!token || now >= token.endsAt || now >= token.usedAt + idle) {
      tokens.delete(name);
      return false;
    }
    token.usedAt = now;
    return true;
  }

  function refresh(sent: unknown): Response {
    self.refreshes += 1;
    if (self.isGone) throw new TypeError("fetch failed");
    if (self.isDown) return reply(503, {});
    if (sent === undefined || sent === `refresh-${issued}`) return grant();
    self.reuses += 1;
    return reply(401, { error: "invalid_grant" });
  }

  const self: Lapsing = {
    refreshes: 0,
    reuses: 0,
    isDown: false,
    isGone: false,
    isBad: (pathname) => pathname.startsWith("/v1/bad"),
    revokeAll: () => tokens.clear(),
    async fetch(input, init) {
      const request = input instanceof Request ? input : undefined;
      const { pathname } = new URL(request?.url ?? String(input));
      if (/^\/(login|refresh|get-access-token)$/.test(pathname)) {
        const { refresh_token } = JSON.parse(String(init?.body)) as { refresh_token?: string };
        return issued ? refresh(refresh_token) : grant();
      }
      const headers = request?.headers ?? new Headers(init?.headers);
      const name = (headers.get("authorization") ?? "").slice("Bearer ".length);
      const isLet = !self.isBad(pathname) && isGood(name);
      return new Response(null, { status: isLet ? 200 : 401 });
    },
  };
  return self;
}

/** What a client of many calls has seen. */
export interface Traffic {
  calls: number;
  /** What was no 200, and when. */
  readonly failed: string[];
  /** Calls that needed virtual time to be answered. */
  delayed: number;
  /** The longest of them took so long. */
  longest: number;
}

export const noTraffic = (): Traffic => ({ calls: 0, failed: [], delayed: 0, longest: 0 });

/** How many failed, and the first of them: so that a failing test says enough and not too much. */
export const failures = ({ failed }: Traffic): readonly unknown[] => [
  failed.length,
  ...failed.slice(0, 3),
];

/** One call, noted. */
export async function note(
  traffic: Traffic,
  clock: ManualClock,
  call: () => Promise<Response>,
): Promise<void> {
  const at = clock.running();
  const fail = (what: unknown): void =>
    void traffic.failed.push(`${String(what)} after ${Math.round(at / SECOND)} s`);
  try {
    const { status } = await call();
    if (status !== 200) fail(status);
  } catch (error) {
    fail((error as { code?: unknown }).code ?? error);
  }
  traffic.calls += 1;
  const took = clock.running() - at;
  if (took) traffic.delayed += 1;
  traffic.longest = Math.max(traffic.longest, took);
}

/** Time in equal steps, with `each` called at every one of them; what was begun is let finish. */
export async function timeTable(
  clock: ManualClock,
  total: number,
  { every, each }: { every: number; each: (at: number) => void },
): Promise<void> {
  for (let at = 0; at < total; at += every) {
    each(at);
    await clock.advance(every);
  }
  await clock.advance(MINUTE);
}

export interface Scene {
  readonly vault: Vault<typeof credentials>;
  readonly server: Lapsing;
  readonly clock: ManualClock;
  /** Another context of the same store. */
  another(): Vault<typeof credentials>;
}

export async function scene(
  options: LapsingOptions,
  rest: Partial<VaultOptions<typeof credentials>> = {},
): Promise<Scene> {
  const clock = manualClock();
  const server = lapsing(clock, options);
  const store = memoryStore();
  const another = (): Vault<typeof credentials> => {
    const options = { provider: acme(), store, fetch: server.fetch, random: () => 0.5, clock };
    return closedAfter(createVault({ ...options, ...rest }));
  };
  const vault = another();
  await vault.signIn(credentials);
  return { vault, server, clock, another };
}

/** What becomes of the calls that are made at each step of a time table. */
export async function trafficOf(
  clock: ManualClock,
  total: number,
  { every, calls }: { every: number; calls: (at: number) => readonly Promise<Response>[] },
): Promise<Traffic> {
  const traffic = noTraffic();
  await timeTable(clock, total, {
    every,
    each(at) {
      for (const call of calls(at)) void note(traffic, clock, () => call);
    },
  });
  return traffic;
}

/** What became of the good calls, and of the bad ones. */
export interface Besides {
  readonly good: Traffic;
  readonly bad: Traffic;
}

export interface Calling extends Scene {
  /** Milliseconds from one call of the good endpoint to the next: five seconds by default. */
  readonly every?: number;
}

/**
 * The good endpoint is called again and again, and with it the ones that `bad` names. It is asked before
 * both, so that it may change what the server does.
 */
export async function callBoth(
  { vault, clock, every = 5 * SECOND }: Calling,
  total: number,
  bad: (at: number) => readonly string[],
): Promise<Besides> {
  const traffic = { good: noTraffic(), bad: noTraffic() };
  await timeTable(clock, total, {
    every,
    each(at) {
      const urls = bad(at);
      void note(traffic.good, clock, () => vault.fetch(GOOD));
      for (const url of urls) void note(traffic.bad, clock, () => vault.fetch(url));
    },
  });
  return traffic;
}

/** A pause doubles from a minute to an hour, so that a bad endpoint costs so many refreshes at most. */
export const afterPauses = (total: number): number => 12 + Math.ceil(total / HOUR);

export const timely = (total: number, life: number): number => Math.ceil(total / (life * 0.7)) + 1;

/** The good ones never failed, and none of them had to wait. */
export function expectGood(traffic: Traffic): void {
  expect(failures(traffic)).toEqual([0]);
  expect(traffic.calls).toBeGreaterThan(100);
  expect(traffic.delayed).toBe(0);
}

/** Whatever else: one refresh token was never sent twice, and nobody was signed out. */
export function expectSound({ server, vault }: Scene): void {
  expect(server.reuses).toBe(0);
  expect(vault.snapshot().status).toBe("signed-in");
}
