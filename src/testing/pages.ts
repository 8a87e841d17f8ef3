/** For Playwright: a session in the database of an application's pages, sealed as the vault there would. */
import { toBase64, type WebCryptoKey } from "../guard/crypto.ts";
import { own } from "../guard/json.ts";
import { createVault } from "../index.ts";
import { encrypted, type Keyring } from "../stores/encrypted.ts";
import { memoryStore } from "../stores/memory.ts";
import type { StoredRecord, TokenSet, VaultOptions } from "../types.ts";

/** The part of Playwright's `BrowserContext` that is used. */
export interface SignedInPages {
  newPage(): Promise<{
    route(
      url: string,
      handler: (route: {
        fulfill(reply: { readonly contentType: string; readonly body: string }): Promise<void>;
      }) => Promise<void>,
    ): Promise<unknown>;
    goto(url: string): Promise<unknown>;
    evaluate(script: string): Promise<unknown>;
    close(): Promise<void>;
  }>;
}

/** The options of {@link signInPages}. */
export interface SignInPagesOptions<Credentials = never> extends Pick<
  VaultOptions<Credentials>,
  "provider"
> {
  /** An address of the application's origin, `https` or on `localhost`. Nothing is fetched from there. */
  readonly url: string;
  /** The session's tokens: `api.grant()` of a fake API, or real ones. */
  readonly tokens: TokenSet;
  /** As in the application's vault; `"default"` by default. */
  readonly account?: string;
  /** As in the application's `indexedDbStore`; `"tokenkeep"` by default. */
  readonly database?: string;
  /** As in the application's vault; `false` by default. */
  readonly dangerouslyAllowLoopbackHttp?: boolean;
}

/**
 * Signs in all pages of a Playwright context, before the first of them is opened: no test has to type a password.
 * Whatever the account's record held is replaced. Playwright's `storageState` cannot do that, because no `CryptoKey`
 * can be written into it.
 *
 * @throws VaultError as `createVault` and `adopt` do.
 *
 * @example
 * ```ts
 * import { chromium } from "playwright";
 * import { vmcloud } from "tokenkeep/providers/vmcloud";
 * import { signInPages } from "tokenkeep/testing";
 *
 * const context = await (await chromium.launch()).newContext();
 * await signInPages(context, {
 *   url: "https://app.example.com",
 *   provider: vmcloud(),
 *   tokens: { accessToken: "access-1", refreshToken: "refresh-1" },
 * });
 * ```
 */
export async function signInPages<Credentials>(
  pages: SignedInPages,
  { url, tokens, database = "tokenkeep", ...options }: SignInPagesOptions<Credentials>,
): Promise<void> {
  // What a page's database declares: sealing binds its name.
  const inner = { ...memoryStore(), namespace: database };
  const vault = createVault({ ...options, store: encrypted(inner, exportableKeys) });
  await vault.adopt(tokens);
  vault.close();
  const [key = ""] = await inner.list("");
  const { keys, ...record } = (await inner.read(key)) ?? fail();
  const seal = await rawKey(keys);
  const page = await pages.newPage();
  try {
    // A page of the application's origin on which the application does not run.
    const place = new URL("/tokenkeep-sign-in", url).href;
    const body = "<!doctype html><title>Signing in</title>";
    await page.route(place, (route) => route.fulfill({ contentType: "text/html", body }));
    await page.goto(place);
    await page.evaluate(`(${WRITE})(${JSON.stringify({ database, key, record, seal })})`);
  } finally {
    await page.close();
  }
}

function fail(): never {
  throw new Error("Cannot sign the pages in: the vault has stored no session.");
}

/** As a page's vault seals, each record with a key of its own; but these keys can be taken along. */
const exportableKeys: Keyring = {
  newest: async () => "",
  forget() {},
  async toSeal() {
    const uses: KeyUsage[] = ["encrypt", "decrypt"];
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, true, uses);
    return { key, names: own({}), kept: { seal: key } };
  },
  toOpen: async (_, { kept }) => ({ key: kept?.["seal"] as WebCryptoKey | undefined }),
};

async function rawKey(keys: StoredRecord["keys"]): Promise<string> {
  const key = keys?.["seal"];
  if (!(key instanceof CryptoKey)) return fail();
  return toBase64(new Uint8Array(await crypto.subtle.exportKey("raw", key)));
}

/** It runs in the page. As a text, so that no compiler of tests puts a helper into it that a page lacks. */
const WRITE = `async ({ database, key, record, seal }) => {
  const settled = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const bytes = Uint8Array.from(atob(seal), (char) => char.charCodeAt(0));
  const kept = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
  const opening = indexedDB.open(database);
  opening.onupgradeneeded = () => opening.result.createObjectStore("records");
  const db = await settled(opening);
  const change = db.transaction("records", "readwrite", { durability: "strict" });
  change.objectStore("records").put({ ...record, keys: { seal: kept } }, key);
  await new Promise((resolve, reject) => {
    change.oncomplete = () => resolve();
    change.onabort = () => reject(change.error);
  });
  db.close();
}`;
