/** A browser without a window: its location, its history, its database, and the login page of a server. */
import { IDBFactory } from "fake-indexeddb";
import { vi } from "vitest";
import { createVault, type Vault } from "../../../src/index.ts";
import type { CodeCredentials, OAuthClient } from "../../../src/oauth.ts";
import { oauth2 } from "../../../src/providers/oauth2.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import {
  API,
  CLIENT,
  ISSUER,
  type OAuthServerFake,
  oauthServer,
} from "../../support/oauth-server.ts";

export const APP = "https://app.acme.test";

export const client: OAuthClient = {
  issuer: ISSUER,
  clientId: CLIENT,
  redirectUri: "/callback",
  scope: "openid offline_access",
};

/** A page of a tab; its globals are those of the test. */
export interface Page {
  readonly server: OAuthServerFake;
  readonly vault: Vault<CodeCredentials>;
  /** Where the browser was sent. */
  readonly left: string[];
  href: string;
  readonly history: {
    state: unknown;
    replaceState: (state: unknown, _: string, to: string) => void;
  };
  /** The user logs in where the browser was sent last: the tab is at the callback. */
  login(sub?: string): string;
  /** The page is loaded anew at this URL. */
  load(href: string): Promise<typeof import("../../../src/oauth.ts")>;
  oauth: typeof import("../../../src/oauth.ts");
}

export async function openPage(given: Partial<OAuthClient> = {}): Promise<Page> {
  const server = await oauthServer();
  const left: string[] = [];
  const at = { href: `${APP}/vms?page=2#third` };
  const history = {
    state: null as unknown,
    replaceState(state: unknown, _: string, to: string | URL) {
      const url = new URL(to, at.href);
      if (url.origin !== APP) throw new DOMException("another origin", "SecurityError");
      history.state = state;
      at.href = url.href;
    },
  };
  const location = {
    get href() {
      return at.href;
    },
    origin: APP,
    assign: (to: string) => void left.push(to),
  };
  vi.stubGlobal("location", location);
  vi.stubGlobal("window", { open: () => null, close: () => {} });
  for (const name of ["screenX", "screenY", "outerWidth", "outerHeight"]) vi.stubGlobal(name, 0);
  vi.stubGlobal("history", history);
  vi.stubGlobal("indexedDB", new IDBFactory());
  vi.stubGlobal("fetch", server.fetch);
  const vault = createVault({
    provider: oauth2({ ...client, ...given, name: "acme", origins: [API] }),
    store: memoryStore(),
    fetch: server.fetch,
  });
  async function load(href: string): Promise<typeof import("../../../src/oauth.ts")> {
    at.href = href;
    vi.resetModules();
    page.oauth = await import("../../../src/oauth.ts");
    return page.oauth;
  }
  // A module keeps what it has learnt of a server, and a page of an earlier test had another one.
  vi.resetModules();
  const page: Page = {
    server,
    vault,
    left,
    get href() {
      return at.href;
    },
    set href(to) {
      at.href = to;
    },
    history,
    login: (sub) => (at.href = server.login(left.at(-1) ?? "", sub)),
    load,
    oauth: await import("../../../src/oauth.ts"),
  };
  return page;
}

/** A page whose user has begun a login and is back from it. */
export async function back(sub?: string): Promise<Page> {
  const page = await openPage();
  await page.oauth.beginSignIn(client);
  await page.load(page.login(sub));
  return page;
}
