/** Law 3: dependencies point inward. Walks the import graph of `src`. */

import { describe, expect, test } from "vitest";
import { importsOf, readSources } from "./sources.ts";

type Layer =
  | "contract"
  | "guard"
  | "key"
  | "server"
  | "grant"
  | "cookie"
  | "refresh"
  | "request"
  | "vault"
  | "core"
  | "adapter"
  | "platform"
  | "entry"
  | "runtime"
  | "alone"
  | "package";

/** What stands at the top level and imports no adapter. */
const core = new Set(["index", "problem", "vaults"]);

/** Each wires one platform's parts; nothing imports it. */
const entries = new Set(["browser", "cloudflare", "deno", "node", "oauth", "testing", "worker"]);

/** Each stands on its own: it imports contracts, and its one package. */
const alone = new Set(["webhook", "wretch"]);

/** A preset imports its one mechanism: the only arrow from an adapter to another. */
const presets: Record<string, string> = {
  "providers/artos": "providers/mint",
  "providers/auth0": "providers/oauth2",
  "providers/clary": "providers/static-token",
  "providers/clary-jwt": "providers/self-signed",
  "providers/cognito": "providers/oauth2",
  "providers/entra": "providers/oauth2",
  "providers/github": "providers/oauth2",
  "providers/google": "providers/oauth2",
  "providers/keycloak": "providers/oauth2",
  "providers/okta": "providers/oauth2",
  "providers/qovery": "providers/static-token",
  "providers/simplismart": "providers/static-token",
  "providers/supabase": "providers/password",
  "providers/vmcloud": "providers/password",
};

const allowed: Record<Exclude<Layer, "package" | "runtime">, Layer[]> = {
  contract: ["contract"],
  guard: ["contract", "guard"],
  key: ["contract", "guard", "key", "package"],
  server: ["contract", "guard", "server"],
  grant: ["contract", "guard", "grant"],
  cookie: ["contract", "guard", "grant", "cookie"],
  refresh: ["contract", "guard", "grant", "refresh"],
  request: ["contract", "guard", "request"],
  vault: ["contract", "guard", "grant", "refresh", "request", "vault"],
  core: ["contract", "guard", "request", "vault", "core"],
  adapter: ["contract", "guard", "key", "server", "grant", "cookie", "package"],
  // An entry's own files: they do the wiring that needs more than a few lines.
  platform: [
    "contract",
    "guard",
    "key",
    "grant",
    "refresh",
    "request",
    "vault",
    "core",
    "adapter",
    "platform",
  ],
  // Its options are narrowed to their own members.
  entry: ["contract", "guard", "core", "request", "vault", "adapter", "platform", "runtime"],
  alone: ["contract", "package"],
};

/** What runs in the page: it stays small because it reaches for none of these. */
const pagePart = new Set([
  "oauth/begin",
  "oauth/client",
  "oauth/complete",
  "oauth/hand-over",
  "oauth/pending",
  "oauth/popup",
  "oauth/authorization-request",
  "oauth/sign-out",
  "oauth/step-up",
  "oauth/user-info",
  "worker/ask",
  "worker/activation",
  "worker/closing-page",
  "worker/connect",
  "worker/keep",
  "worker/link",
  "worker/narrow",
  "worker/passed",
  "worker/protocol",
  "worker/refusal",
  "worker/send",
  "worker/shown",
]);

const sources = readSources();

function layerOf(name: string): Layer {
  if (name === "types" || name === "exchange" || name === "errors") return "contract";
  const [room] = /^(guard|key|server|grant|cookie|refresh|request|vault)(?=\/)/.exec(name) ?? [];
  if (room) return room as Layer;
  // JWTs are `jose`'s, as a store is its database's.
  if (name === "jwt" || /^(stores|locks|channels|providers)\//.test(name)) return "adapter";
  if (/^(cloudflare|deno|node|oauth|testing|worker)\//.test(name)) return "platform";
  // What a platform itself brings along.
  if (name.startsWith("cloudflare:")) return "runtime";
  if (core.has(name)) return "core";
  if (entries.has(name)) return "entry";
  if (alone.has(name)) return "alone";
  // So is a new file or folder, until it is given a place in the law.
  return "package";
}

/** What is wrong with an arrow, or `undefined`. */
function wrongArrow(from: string, to: string): string | undefined {
  const [layer, target] = [layerOf(from), layerOf(to)];
  if (layer === "package" || layer === "runtime") return `${from} has no place in the law`;
  if (presets[from] === to) return undefined;
  // Named after its package, which it imports: no file imports itself.
  if (from === to && alone.has(from)) return undefined;
  if (pagePart.has(from) && (target === "adapter" || (target === "platform" && !pagePart.has(to))))
    return `${from} runs in the page and imports ${to}`;
  if (allowed[layer].includes(target)) return undefined;
  return `${from} (${layer}) imports ${to} (${target})`;
}

/** What is wrong with how many packages a file imports, or `undefined`. */
function tooManyPackages(name: string, imports: string[]): string | undefined {
  const packages = imports.filter((to) => layerOf(to) === "package");
  return packages.length > 1 ? `${name} imports ${packages.join(" and ")}` : undefined;
}

describe("Law 3", () => {
  test("every import points inward", () => {
    const wrong = sources.flatMap(({ name, imports }) =>
      imports.map((to) => wrongArrow(name, to)).filter((complaint) => complaint !== undefined),
    );
    expect(wrong).toEqual([]);
  });

  test("every file has its place", () => {
    const names = sources.map(({ name }) => name);
    expect(names).toContain("index");
    expect(names.filter((name) => layerOf(name) === "package")).toEqual([]);
  });

  test("an adapter imports at most one package", () => {
    const wrong = sources.map(({ name, imports }) => tooManyPackages(name, imports));
    expect(wrong.filter((complaint) => complaint !== undefined)).toEqual([]);
  });

  test("no file is longer than 400 lines", () => {
    const long = sources.filter(({ lines }) => lines > 400);
    expect(long.map(({ name, lines }) => `${name}: ${lines} lines`)).toEqual([]);
  });
});

describe("the test of Law 3 can fail", () => {
  test.each([
    ["types", "refresh/engine"],
    ["types", "zod"],
    ["errors", "index"],
    ["refresh/engine", "index"],
    ["refresh/engine", "request/fetch"],
    ["refresh/engine", "vault/vault"],
    ["request/fetch", "refresh/engine"],
    ["guard/record", "refresh/clock"],
    ["grant/lifetime", "refresh/clock"],
    ["stores/memory", "refresh/clock"],
    ["refresh/engine", "stores/memory"],
    ["refresh/engine", "jose"],
    ["index", "stores/memory"],
    ["index", "browser"],
    ["index", "idb-keyval"],
    ["stores/memory", "stores/indexeddb"],
    ["stores/memory", "index"],
    ["stores/memory", "browser"],
    ["providers/password", "providers/vmcloud"],
    ["providers/mint", "providers/static-token"],
    ["providers/clary", "providers/self-signed"],
    ["providers/self-signed", "jwt"],
    ["jwt", "providers/self-signed"],
    ["index", "jwt"],
    ["providers/clary-jwt", "providers/clary"],
    ["providers/vmcloud", "stores/memory"],
    ["browser", "refresh/engine"],
    ["browser", "cloudflare"],
    ["browser", "idb-keyval"],
    ["wretch", "vault/vault"],
    ["wretch", "index"],
    ["webhook", "guard/claims"],
    ["browser", "wretch"],
    ["node/lock", "node"],
    ["stores/sqlite", "node/lock"],
    ["testing/api", "testing"],
    ["index", "webhook"],
    ["cloudflare/owner", "cloudflare"],
    ["cloudflare/owner", "cloudflare:workers"],
    ["stores/cloudflare-kv", "cloudflare/cache"],
    ["vault/vault", "cloudflare/proxy"],
    ["worker", "refresh/engine"],
    ["browser", "worker"],
    ["index", "worker/connect"],
    ["stores/memory", "worker/protocol"],
    ["worker/serve", "browser"],
    ["worker/serve", "idb-keyval"],
    ["worker/connect", "worker/serve"],
    ["worker/connect", "stores/indexeddb"],
    ["gadgets/new", "types"],
  ])("%s may not import %s", (from, to) => {
    expect(wrongArrow(from, to)).toBeTypeOf("string");
  });

  test.each([
    ["types", "errors"],
    ["refresh/engine", "types"],
    ["refresh/engine", "refresh/clock"],
    ["vault/vault", "refresh/engine"],
    ["stores/memory", "types"],
    ["stores/indexeddb", "guard/stored"],
    ["stores/indexeddb", "idb-keyval"],
    ["providers/vmcloud", "providers/password"],
    ["providers/clary-jwt", "providers/self-signed"],
    ["providers/self-signed", "jose"],
    ["jwt", "key/jws"],
    ["jwt", "jose"],
    ["browser", "index"],
    ["browser", "stores/indexeddb"],
    ["webhook", "errors"],
    ["wretch", "wretch"],
    ["cloudflare", "cloudflare/owner"],
    ["cloudflare", "cloudflare:workers"],
    ["cloudflare/owner", "refresh/engine"],
    ["worker", "worker/connect"],
    ["worker/serve", "stores/indexeddb"],
    ["worker/connect", "worker/protocol"],
  ])("%s may import %s", (from, to) => {
    expect(wrongArrow(from, to)).toBeUndefined();
  });

  test("two packages in one file are one too many", () => {
    expect(tooManyPackages("stores/indexeddb", ["idb-keyval", "types"])).toBeUndefined();
    expect(tooManyPackages("stores/indexeddb", ["idb-keyval", "jose"])).toBeTypeOf("string");
  });

  test("no way to import goes unseen", () => {
    const text = `
      // import "comment";
      import "./a.ts";
      import type { B } from "../types.ts";
      export { c } from "./c.ts";
      export * from "d";
      const e = import("./e.ts");
      let f: import("./f.ts").F;
    `;
    expect(importsOf("stores/x.ts", text)).toEqual(
      expect.arrayContaining(["stores/a", "types", "stores/c", "d", "stores/e", "stores/f"]),
    );
    expect(importsOf("stores/x.ts", text)).toHaveLength(6);
    expect(() => importsOf("x.ts", "import(name)")).toThrow("computed");
  });
});
