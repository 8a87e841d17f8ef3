/** What somebody puts on `Object.prototype` is no option of a login, and no part of its answer (S15). */
import { afterEach, describe, expect, it, vi } from "vitest";
import { back, client, openPage, type Page } from "./bare-browser.ts";

/** Each with a value that would matter, if anybody believed it. */
const POLLUTION: readonly [string, unknown][] = [
  ["endpoints", { authorization: "https://evil.test/authorize", token: "https://evil.test/token" }],
  ["issuer", "https://evil.test"],
  ["redirectUri", "/elsewhere"],
  ["scope", "admin"],
  ["resource", ["https://evil.test"]],
  ["parameters", { audience: "evil" }],
  ["pushedBy", "/elsewhere"],
  ["dangerouslyAllowLoopbackHttp", true],
  ["returnTo", "/elsewhere"],
  ["prompt", "none"],
  ["loginHint", "mallory"],
  ["maxAge", 1],
  ["authorization_endpoint", "https://evil.test/authorize"],
  ["pushed_authorization_request_endpoint", "https://evil.test/par"],
  ["require_pushed_authorization_requests", true],
  ["request_uri", "urn:evil"],
  ["end_session_endpoint", "https://evil.test/logout"],
  ["id_token", "evil.id.token"],
  ["key", "key"],
  ["iv", new Uint8Array(12)],
  ["data", new ArrayBuffer(16)],
  ["end", "expired"],
  ["at", 1],
  ["nonce", "evil"],
  ["codeVerifier", "evil"],
  ["namesIssuer", true],
  ["tokenkeep", true],
  ["heard", true],
  ["answer", "?code=1"],
  ["advice", "Send your password to evil.test"],
  ["flaw", "redirected"],
];

const root = Object.prototype as unknown as Record<string, unknown>;

afterEach(() => {
  for (const [name] of POLLUTION) delete root[name];
  vi.unstubAllGlobals();
});

/** A page that knows no server yet. */
async function freshPage(): Promise<Page> {
  const page = await openPage();
  await page.load(page.href);
  return page;
}

/** Where the browser was sent and what servers saw, but for what is random. */
function seenBy({ left, server, href }: Page): unknown {
  const random = /(state|nonce|code_challenge|code_verifier|code|token|refresh_token)=[^&]*/g;
  const shown = left.map((url) => url.replace(random, "$1"));
  const sent = server.seen.map(({ path, form }) => [path, String(form).replace(random, "$1")]);
  return { shown, sent, href };
}

/** A login, and its end. */
async function live(page: Page): Promise<unknown> {
  await page.oauth.beginSignIn(client);
  await page.load(page.login());
  const outcome = await page.oauth.completeSignIn(client, page.vault);
  const after = await page.oauth.completeSignIn(client, page.vault);
  await page.oauth.readUserInfo(client, page.vault);
  await page.oauth.beginSignOut(client, page.vault);
  return { outcome, after, ...(seenBy(page) as object) };
}

describe("a polluted prototype", () => {
  it.each(POLLUTION)("with %s changes nothing of a login in a page [S15]", async (name, value) => {
    const clean = await live(await freshPage());
    const page = await freshPage();
    root[name] = value;
    expect(await live(page)).toEqual(clean);
  });

  it("with a pending login is none: what was used stays used [S15]", async () => {
    const page = await back();
    const callback = page.href;
    await page.oauth.completeSignIn(client, page.vault);
    root["key"] = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
      "decrypt",
    ]);
    await page.load(callback);
    expect(await page.oauth.completeSignIn(client, page.vault)).toEqual({
      type: "stale",
      reason: "used",
    });
  });
});
