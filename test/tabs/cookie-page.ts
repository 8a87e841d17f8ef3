/**
 * A page of the tests of cookies: a vault as an application makes it, in the page or in a shared worker, with a
 * clock that can be moved on.
 */
import { createVault, isVaultError, type Vault, type VaultEvent } from "tokenkeep/browser";
import { cookie, type CookieCredentials, type Csrf } from "tokenkeep/providers/cookie";
import { connectVault } from "tokenkeep/worker";
import { clockAhead } from "../support/clock.ts";

/** Travels in the page's URL, so that a reload keeps it. */
export interface CookieConfig {
  /** The API's origin. */
  readonly api: string;
  /** How far this tab's clock is ahead, milliseconds. */
  readonly ahead?: number;
  readonly csrf?: Csrf;
  /** The vault runs in a shared worker. */
  readonly isInWorker?: boolean;
}

type CookieVault = Vault<CookieCredentials | void>;

declare global {
  interface Window {
    cookies: {
      readonly vault: CookieVault;
      readonly events: VaultEvent[];
      /** How often this tab has read its database. */
      readonly looks: () => number;
      /** Moves this tab's clock on. */
      jump(ms: number): void;
      /** Who the API says is signed in, or an error's code, reason behind it. */
      user(): Promise<string>;
      signIn(email?: string): Promise<string>;
    };
  }
}

export const providerOf = ({ api, csrf }: CookieConfig) =>
  cookie({
    name: "acme",
    origins: [api],
    loginUrl: `${api}/auth/login`,
    refreshUrl: `${api}/auth/refresh`,
    logoutUrl: `${api}/auth/logout`,
    read: (body) => ({ accessToken: body["access_token"], expiresIn: body["expires_in"] }),
    ...(csrf && { csrf }),
  });

const told = (error: unknown): string =>
  isVaultError(error) ? [error.code, error.reason].filter(Boolean).join(" ") : String(error);

const isPage = typeof document === "object";

if (isPage) {
  const query = new URL(location.href).searchParams.get("config") ?? "{}";
  const config = JSON.parse(query) as CookieConfig;
  let ahead = config.ahead ?? 0;
  const events: VaultEvent[] = [];
  const vault: CookieVault = config.isInWorker
    ? connectVault<CookieCredentials | void>(
        () =>
          new SharedWorker(`/cookie-worker.js?config=${encodeURIComponent(query)}`, {
            type: "module",
          }),
      )
    : createVault({
        provider: providerOf(config),
        dangerouslyAllowLoopbackHttp: true,
        clock: clockAhead(() => ahead),
      });
  vault.events((event) => void events.push(event));
  let looks = 0;
  const { get } = IDBObjectStore.prototype;
  IDBObjectStore.prototype.get = function (...query) {
    looks += 1;
    return get.apply(this, query);
  };
  window.cookies = {
    vault,
    events,
    looks: () => looks,
    jump(ms) {
      ahead += ms;
    },
    async user() {
      try {
        const reply = await vault.fetch(`${config.api}/v1/me`);
        return ((await reply.json()) as { user?: string }).user ?? String(reply.status);
      } catch (error) {
        return told(error);
      }
    },
    async signIn(email) {
      try {
        await vault.signIn(email === undefined ? undefined : { email, password: "right" });
        return "ok";
      } catch (error) {
        return told(error);
      }
    },
  };
}
