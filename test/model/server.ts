/** The API of the model: VMCloud's endpoints in virtual time, with rotation and its reuse detection. */
import { EPOCH, type World } from "./world.ts";

export type Rotation = "strict" | "window" | "none";

export interface ServerOptions {
  readonly rotation: Rotation;
  readonly reuseWindow: number;
  readonly life: number;
  /** The old access token dies when it is refreshed. */
  readonly killsOld: boolean;
  /** Whether the client sees `Date`. */
  readonly showsDate: boolean;
  /** Answers every API request with 401, whatever the token. */
  readonly always401: boolean;
}

interface Family {
  readonly id: number;
  revoked: boolean;
}

export interface Granted {
  readonly seq: number;
  readonly family: Family;
  readonly access: string;
  readonly refresh: string;
  readonly at: number;
  readonly diesAt: number;
  dead: boolean;
  /** True time of the refresh token's first use. */
  usedAt: number | undefined;
}

export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly date: number | undefined;
}

export function createServer(world: World, options: ServerOptions) {
  const byAccess = new Map<string, Granted>();
  const byRefresh = new Map<string, Granted>();
  const families: Family[] = [];
  let seq = 0;
  let refusals = 0;
  let reuses = 0;

  function grant(family: Family, refresh?: string): Reply {
    const number = ++seq;
    const given: Granted = {
      seq: number,
      family,
      access: `at-${number}`,
      refresh: refresh ?? `rt-${number}`,
      at: world.now(),
      diesAt: world.now() + options.life,
      dead: false,
      usedAt: undefined,
    };
    byAccess.set(given.access, given);
    if (refresh === undefined) byRefresh.set(given.refresh, given);
    return reply(200, {
      token: given.access,
      expires_at: new Date(EPOCH + given.diesAt).toISOString(),
      refresh_token: given.refresh,
    });
  }

  const reply = (status: number, body: unknown): Reply => ({
    status,
    text: JSON.stringify(body),
    date: options.showsDate ? EPOCH + world.now() : undefined,
  });

  function refuse(): Reply {
    refusals++;
    return reply(401, { error: "invalid refresh token" });
  }

  return {
    byAccess,
    byRefresh,
    refusals: () => refusals,
    reuses: () => reuses,
    signIn(): Reply {
      const family = { id: families.length, revoked: false };
      families.push(family);
      return grant(family);
    },
    refresh(token: string): Reply {
      const found = byRefresh.get(token);
      if (!found || found.family.revoked) return refuse();
      const first = found.usedAt;
      found.usedAt ??= world.now();
      if (options.killsOld)
        for (const other of byAccess.values()) if (other.family === found.family) other.dead = true;
      if (options.rotation === "none") return grant(found.family, token);
      const open = options.rotation === "window" ? options.reuseWindow : 0;
      if (first !== undefined && world.now() - first >= open) {
        reuses++;
        found.family.revoked = true;
        for (const other of byAccess.values()) if (other.family === found.family) other.dead = true;
        return refuse();
      }
      return grant(found.family);
    },
    accepts(access: string): boolean {
      const found = byAccess.get(access);
      return !options.always401 && !!found && !found.dead && world.now() < found.diesAt;
    },
    /** An operator, or a restart, ends every access token that is out. */
    expireAll(): void {
      for (const given of byAccess.values()) given.dead = true;
    },
    reply,
  };
}

export type Server = ReturnType<typeof createServer>;
