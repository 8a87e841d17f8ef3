/**
 * The API of the model in virtual time: rotation and its reuse detection, minted and self-signed tokens,
 * lives told wrongly, endpoints that reject what is good, and devices that end each other's sessions.
 */
import type { Scenario } from "./scenario.ts";
import { EPOCH, type Place, type World } from "./world.ts";

export type Rotation = "strict" | "window" | "none";

/**
 * An endpoint of the API. `"bad"`: 401 whatever the token. `"ill"`: the same, until it heals. `"lagging"`: a
 * replica that hears of a refresh only `lag` milliseconds later, so that it rejects what is new and takes what
 * is old.
 */
export type Endpoint =
  | { readonly kind: "good" }
  | { readonly kind: "bad" }
  | { readonly kind: "ill"; readonly until: number }
  | { readonly kind: "lagging"; readonly lag: number };

/** What one sign-in has begun at the server. */
export interface Grants {
  readonly id: number;
  readonly user: string;
  readonly device: number;
  /** Who has signed in: with several devices always the same, whatever the credentials. */
  readonly person: string;
  isRevoked: boolean;
}

export interface Granted {
  readonly seq: number;
  readonly grants: Grants;
  readonly access: string;
  readonly refresh: string | undefined;
  /** Whether it came of a refresh. */
  readonly isRenewed: boolean;
  readonly at: number;
  /** Who has signed it by itself. */
  readonly signedBy: Place | undefined;
  readonly startsAt: number;
  readonly diesAt: number;
  deadAt: number;
  servedAt: number;
  /** True time of the refresh token's first use. */
  usedAt: number | undefined;
}

export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly date: number | undefined;
  readonly retryAfter?: number | undefined;
}

/** How far a server's clock and a client's may differ. */
const LEEWAY = 60_000;

export function createServer(world: World, scenario: Scenario) {
  const byAccess = new Map<string, Granted>();
  const byRefresh = new Map<string, Granted>();
  const all: Grants[] = [];
  const revocations: { readonly at: number; readonly token: string }[] = [];
  /** The browser's cookie jar, for each device: the refresh token that a cookie holds. */
  const jars = new Map<number, string | undefined>();
  let seq = 0;
  /** Whose tokens were refused; `undefined` for a token that nobody gave. */
  const refused = new Set<Grants | undefined>();
  let refusals = 0;
  let reuses = 0;

  const reply = (status: number, body: unknown, retryAfter?: number): Reply => ({
    status,
    text: JSON.stringify(body),
    date: scenario.showsDate ? EPOCH + world.now() : undefined,
    retryAfter,
  });

  function begin(user: string, device: number): Grants {
    const person = scenario.devices > 1 ? "one" : user;
    const grants: Grants = { id: all.length, user, device, person, isRevoked: false };
    all.push(grants);
    return grants;
  }

  function end(which: (granted: Granted) => boolean): void {
    for (const granted of byAccess.values())
      if (granted.deadAt === Infinity && which(granted)) granted.deadAt = world.now();
  }

  function endGrants(which: Grants): void {
    which.isRevoked = true;
    if (!scenario.isStateless) end(({ grants }) => grants === which);
  }

  /** One device's new token ends what other devices of the person hold. */
  function endOthers({ person, device }: Grants): void {
    if (scenario.devices > 1)
      end(({ grants }) => grants.person === person && grants.device !== device);
  }

  function make(grants: Grants, parts: Partial<Granted>): Granted {
    const number = ++seq;
    const at = world.now();
    const granted: Granted = {
      seq: number,
      grants,
      access: `at-${number}`,
      refresh: undefined,
      isRenewed: false,
      at,
      signedBy: undefined,
      startsAt: at,
      diesAt: at + scenario.life,
      deadAt: Infinity,
      servedAt: at,
      usedAt: undefined,
      ...parts,
    };
    byAccess.set(granted.access, granted);
    if (granted.refresh !== undefined && !byRefresh.has(granted.refresh))
      byRefresh.set(granted.refresh, granted);
    endOthers(grants);
    return granted;
  }

  /** As servers tell a life: rightly, not at all, in the wrong unit, or far too long. */
  function told({ access, refresh, diesAt, grants: { user } }: Granted): object {
    const isByCookie = scenario.provider === "cookie";
    const fields = { token: access, refresh_token: refresh, ...(isByCookie && { user }) };
    switch (scenario.told) {
      case "right":
        return { ...fields, expires_at: new Date(EPOCH + diesAt).toISOString() };
      case "absent":
        return fields;
      case "milliseconds":
        return { ...fields, expires_in: scenario.life };
      case "a day":
        return { ...fields, expires_in: 86_400 };
    }
  }

  const give = (grants: Grants, isRenewed: boolean, refresh?: string): Reply =>
    reply(200, told(make(grants, { isRenewed, refresh: refresh ?? `rt-${seq + 1}` })));

  function refuse(grants: Grants | undefined): Reply {
    refused.add(grants);
    refusals++;
    return reply(401, { error: "invalid refresh token" });
  }

  /** Whether this endpoint knows the token, which is otherwise good. */
  function knows(endpoint: Endpoint, granted: Granted): boolean {
    const now = world.now();
    if (endpoint.kind === "bad" || (endpoint.kind === "ill" && now < endpoint.until)) return false;
    const lag = endpoint.kind === "lagging" ? endpoint.lag : 0;
    if (granted.isRenewed && now - granted.at < lag) return false;
    return now < granted.deadAt + lag;
  }

  function isGood(access: string, endpoint: Endpoint = { kind: "good" }): boolean {
    const found = byAccess.get(access);
    const now = world.now();
    if (!found || now >= found.diesAt || now < found.startsAt - LEEWAY) return false;
    return now - found.servedAt <= scenario.idleEnd && knows(endpoint, found);
  }

  return {
    all,
    byAccess,
    byRefresh,
    revocations,
    jars,
    isDown: false,
    refusals: () => refusals,
    reuses: () => reuses,
    reply,
    refused,
    signIn: (user: string, device: number): Reply => give(begin(user, device), false),
    /** A token that somebody else got, for `adopt`. */
    hand: (user: string, device: number): Granted =>
      make(begin(user, device), { refresh: `rt-${seq + 1}` }),
    mint(user: string, device: number): Reply {
      const grants = all.find((one) => one.user === user);
      if (grants?.isRevoked) return refuse(grants);
      return reply(200, told(make(grants ?? begin(user, device), { isRenewed: !!grants })));
    },
    /** A JWT that a client has signed by itself: known here, because the model wants to judge it. */
    signed(user: string, signedBy: Place, startsAt: number): Granted {
      const grants = all.find((one) => one.user === user) ?? begin(user, signedBy.device);
      return make(grants, { signedBy, startsAt, diesAt: startsAt + scenario.life });
    },
    refresh(token: string): Reply {
      // A browser without a cookie: nobody's session ends.
      if (token === "") return reply(401, { error: "no cookie" });
      const found = byRefresh.get(token);
      if (!found || found.grants.isRevoked) return refuse(found?.grants);
      const first = found.usedAt;
      found.usedAt ??= world.now();
      if (scenario.killsOld) end(({ grants }) => grants === found.grants);
      if (scenario.rotation === "none") return give(found.grants, true, token);
      const open = scenario.rotation === "window" ? scenario.reuseWindow : 0;
      if (first !== undefined && world.now() - first >= open) {
        reuses++;
        endGrants(found.grants);
        return refuse(found.grants);
      }
      return give(found.grants, true);
    },
    revoke(token: string): Reply {
      revocations.push({ at: world.now(), token });
      const found = byRefresh.get(token) ?? byAccess.get(token);
      if (found) endGrants(found.grants);
      return reply(200, {});
    },
    /** Whether the token is good at this endpoint, as of now. */
    isGood,
    /** The same, for a request: a session that is used is not idle. */
    accepts(access: string, endpoint: Endpoint): boolean {
      const isAccepted = isGood(access, endpoint);
      const found = byAccess.get(access);
      if (isAccepted && found) found.servedAt = world.now();
      return isAccepted;
    },
    /** An operator, or a restart, ends every access token that is out. */
    expireAll: (): void => end(() => true),
  };
}

export type Server = ReturnType<typeof createServer>;
