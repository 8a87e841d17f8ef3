/** Tabs of one browser over a cookie API: one jar, one store, one clock that the test moves. */
import { afterEach, beforeEach, vi } from "vitest";
import { createVault, type Vault, type VaultEvent, type VaultOptions } from "../../../src/index.ts";
import {
  cookie,
  type CookieCredentials,
  type CookieOptions,
} from "../../../src/providers/cookie.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { StoredRecord, TokenStore } from "../../../src/types.ts";
import { type CookieApi, type CookieApiSwitches, createCookieApi } from "../../apis/cookies.ts";
import { beInPage, type BrowserJar, browserJar } from "../../support/browser-jar.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";

export const ORIGIN = "https://api.acme.test";
export const ME = `${ORIGIN}/v1/me`;
export const alice: CookieCredentials = { email: "alice", password: "right" };
export const bob: CookieCredentials = { email: "bob", password: "right" };

export const acme = (options: Partial<CookieOptions> = {}) =>
  cookie({
    name: "acme",
    origins: [ORIGIN],
    loginUrl: `${ORIGIN}/auth/login`,
    refreshUrl: `${ORIGIN}/auth/refresh`,
    logoutUrl: `${ORIGIN}/auth/logout`,
    read: ({ access_token, expires_in, refresh_token, user }) => ({
      accessToken: access_token,
      expiresIn: expires_in,
      refreshToken: refresh_token,
      subject: user,
    }),
    ...options,
  });

export type CookieVault = Vault<CookieCredentials | void>;

export interface Tab {
  readonly vault: CookieVault;
  readonly events: VaultEvent[];
  /** The network of this tab is gone. */
  isOffline: boolean;
}

export interface Stage {
  readonly api: CookieApi;
  readonly jar: BrowserJar;
  readonly clock: ManualClock;
  readonly store: TokenStore;
  open(options?: Partial<VaultOptions<CookieCredentials | void>>): Tab;
  /** Signs in beside any vault, as a server's own page does. */
  signInOutside(user: string): Promise<void>;
  /** The record of the session, as it stands. */
  record(): Promise<StoredRecord | undefined>;
}

beforeEach(() => beInPage());
const open: CookieVault[] = [];
afterEach(() => {
  for (const vault of open.splice(0)) vault.close();
  vi.unstubAllGlobals();
});

export function stage(
  switches: Partial<CookieApiSwitches> = {},
  options: Partial<CookieOptions> = {},
): Stage {
  const clock = manualClock();
  const api = createCookieApi(switches, clock.now);
  const jar = browserJar();
  const store: TokenStore = { ...memoryStore(), shared: "origin" };
  return {
    api,
    jar,
    clock,
    store,
    open(more = {}) {
      const online = jar.fetchOf(api.fetch);
      const tab: Tab = {
        isOffline: false,
        events: [],
        vault: createVault({
          provider: acme(options),
          store,
          clock,
          random: () => 0.5,
          fetch: async (input, init) => {
            if (tab.isOffline) throw new TypeError("offline");
            return online(input as string, init);
          },
          ...more,
        }),
      };
      tab.vault.events((event) => void tab.events.push(event));
      open.push(tab.vault);
      return tab;
    },
    async signInOutside(user) {
      await jar.fetchOf(api.fetch)(`${ORIGIN}/auth/page?user=${user}`, {
        method: "POST",
        credentials: "include",
      });
    },
    async record() {
      return store.read(`acme|${encodeURIComponent(ORIGIN)}|default`);
    },
  };
}

/** What a promise rejects with, by code and reason. */
export async function refusal(work: Promise<unknown>): Promise<object> {
  try {
    await work;
  } catch (error) {
    const { code, reason, status } = error as { code: string; reason?: string; status?: number };
    return { code, reason, status };
  }
  throw new Error("The promise was expected to reject");
}

export const userOf = async (tab: Tab): Promise<string> => {
  const reply = await tab.vault.fetch(ME);
  return ((await reply.json()) as { user: string }).user;
};
