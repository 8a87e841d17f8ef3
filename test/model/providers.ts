/** The providers that the model plays: two that ship as presets, and two mechanisms over the same server. */
import { cookie } from "../../src/providers/cookie.ts";
import { mint } from "../../src/providers/mint.ts";
import { password } from "../../src/providers/password.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import type { Exchange, Outcome, Provider } from "../../src/types.ts";
import { ORIGIN, URLS } from "./addresses.ts";
import type { Scenario } from "./scenario.ts";
import type { Server } from "./server.ts";
import { EPOCH, type Place } from "./world.ts";

/** What every provider here takes: a user who is new with each sign-in. */
export interface Credentials {
  readonly email: string;
  readonly password: string;
}

const DAY = 86_400_000;

const read = (body: Record<string, unknown>): Record<string, unknown> => ({
  accessToken: body["token"],
  expiresAt: Date.parse(String(body["expires_at"])) || undefined,
  expiresIn: body["expires_in"],
  refreshToken: body["refresh_token"] || undefined,
});

const address = { name: "acme", origins: [ORIGIN] };

/** Signs by the clock here, as far as the server's is not known; the server looks at the times. */
function selfSigned(scenario: Scenario, server: Server, place: Place): Provider<Credentials> {
  const sign = async (user: string, { now }: Exchange): Promise<Outcome> => {
    const issuedAt = Math.floor(now() / 1_000) * 1_000;
    const { access } = server.signed(user, place, issuedAt - EPOCH);
    const grant = { accessToken: access, expiresIn: scenario.life / 1_000, material: { user } };
    return { type: "granted", grant };
  };
  return {
    ...address,
    renewal: {
      rotation: "none",
      needsRefreshToken: false,
      needsMaterial: true,
      selfSigned: true,
      assumedLifetime: scenario.life,
    },
    signIn: ({ email }, exchange) => sign(email, exchange),
    renew: ({ material }, exchange) => sign((material as { user: string }).user, exchange),
  };
}

/** As in a page: a cookie's provider asks for a `document` before it does anything. */
function inPage<T>(task: () => T): T {
  Object.defineProperty(globalThis, "document", { value: {}, configurable: true });
  try {
    return task();
  } finally {
    Reflect.deleteProperty(globalThis, "document");
  }
}

function byCookie(options: Parameters<typeof cookie<Credentials>>[0]): Provider<Credentials> {
  const provider = cookie<Credentials>(options) as Provider<Credentials>;
  const { signIn, renew, revoke } = provider;
  return {
    ...provider,
    ...(signIn && { signIn: (...given) => inPage(() => signIn(...given)) }),
    ...(renew && { renew: (...given) => inPage(() => renew(...given)) }),
    ...(revoke && { revoke: (...given) => inPage(() => revoke(...given)) }),
  };
}

export function providerOf(
  scenario: Scenario,
  server: Server,
  place: Place,
): Provider<Credentials> {
  const rotation = scenario.rotation === "none" ? "none" : "strict";
  const reuseWindow = scenario.rotation === "window" ? scenario.reuseWindow : 0;
  switch (scenario.provider) {
    case "vmcloud":
      return vmcloud({ rotation, reuseWindow });
    case "password":
      return password<Credentials>({
        ...address,
        tokenUrl: URLS.token,
        refreshUrl: URLS.refresh,
        revokeUrl: URLS.revoke,
        rotation,
        reuseWindow,
        safe503: scenario.safe503,
        // A server that tells a life of a day is believed to a day.
        ...(scenario.told === "a day" && { assumedLifetime: DAY }),
        read,
      });
    case "mint":
      return mint<Credentials>({
        ...address,
        tokenUrl: URLS.mint,
        write: ({ email }) => ({ user_id: email }),
        safe503: scenario.safe503,
        read,
      }) as Provider<Credentials>;
    case "cookie":
      return byCookie({
        ...address,
        loginUrl: URLS.token,
        refreshUrl: URLS.refresh,
        ...(scenario.hasLogout && { logoutUrl: URLS.logout }),
        rotation,
        reuseWindow,
        read: (body) => ({ ...read(body), subject: body["user"] }),
      });
    case "self-signed":
      return selfSigned(scenario, server, place);
  }
}
