/**
 * The libraries that we are compared with, in the versions named here. They are no dependencies: the
 * first run installs them beside what `npm ci` brought, and without a registry they are left out.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Contender, Fetch } from "./contender.ts";

/** Each with what an application has to import to sign in, keep a token and refresh it. */
const peers = [
  { name: "@badgateway/oauth2-client", version: "3.3.1", imports: "OAuth2Client, OAuth2Fetch" },
  { name: "oidc-client-ts", version: "3.5.0", imports: "UserManager" },
  { name: "@supabase/auth-js", version: "2.119.1", imports: "AuthClient" },
  { name: "@okta/okta-auth-js", version: "8.0.1", imports: "OktaAuth" },
  { name: "@auth0/auth0-spa-js", version: "2.27.0", imports: "createAuth0Client" },
  { name: "@azure/msal-browser", version: "5.29.0", imports: "PublicClientApplication" },
] as const;

export const folder: string = path.join(
  import.meta.dirname,
  "../../node_modules/.cache/tokenkeep-peers",
);

/** Whether the peers are there, or could be had. */
export function installed(): boolean {
  const dependencies = Object.fromEntries(peers.map(({ name, version }) => [name, version]));
  const manifest = JSON.stringify({ private: true, dependencies });
  const file = path.join(folder, "package.json");
  const done = path.join(folder, "node_modules/.package-lock.json");
  if (existsSync(done) && readFileSync(file, "utf8") === manifest) return true;
  console.log("Installs the peers, once …");
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, manifest);
  const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const shell = process.platform === "win32";
  const { status } = spawnSync("npm", args, { cwd: folder, stdio: "inherit", shell });
  if (status === 0) return true;
  console.log("The peers could not be installed: they are left out.");
  return false;
}

/** What of each a bundle has to hold, and where it finds it. */
export const bundles = peers.map(({ name, version, imports }) => ({
  title: `${name} ${version}`,
  code: `export { ${imports} } from "${name}";`,
  folder,
}));

const accessToken = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";
const seconds = (): number => Math.floor(Date.now() / 1000) + 86_400;

/** Where a library has no `fetch` of its own, this is how its documentation sends its token. */
const withToken =
  (getToken: () => Promise<string | undefined>, fetch_: typeof fetch): Fetch =>
  async (input, init) => {
    const headers = new Headers(init?.headers ?? (input as Partial<Request>).headers);
    headers.set("Authorization", `Bearer ${await getToken()}`);
    return fetch_(input, { ...init, headers });
  };

/** A class of a module that is not there when types are checked. */
type Class = new (...args: unknown[]) => unknown;

async function load<Names extends string>(
  name: (typeof peers)[number]["name"],
): Promise<Record<Names, Class>> {
  const file = path.join(folder, `${name.replace(/\W/g, "-")}.mjs`);
  writeFileSync(file, `export * from "${name}";\n`);
  return (await import(pathToFileURL(file).href)) as Record<Names, Class>;
}

/** The peers that run without a browser, signed in: what is measured is warm. */
export async function contenders(): Promise<Contender[]> {
  const bad = await load<"OAuth2Client" | "OAuth2Fetch">("@badgateway/oauth2-client");
  const oidc = await load<"InMemoryWebStorage" | "User" | "UserManager" | "WebStorageStateStore">(
    "oidc-client-ts",
  );
  const supabase = await load<"AuthClient">("@supabase/auth-js");
  return [
    {
      title: "@badgateway/oauth2-client",
      async over(fetch_) {
        const server = "https://api.vmcloud.com";
        const client = new bad.OAuth2Client({ server, clientId: "bench", fetch: fetch_ });
        const token = { accessToken, refreshToken: "refresh-1", expiresAt: seconds() * 1000 };
        const wrapper = new bad.OAuth2Fetch({
          client,
          getNewToken: () => token,
          scheduleRefresh: false,
        }) as { mw(): (request: Request, next: Fetch) => Promise<Response> };
        // As its `fetch` does it, but to the `fetch` that is given here.
        return (input, init) => wrapper.mw()(new Request(input, init), fetch_);
      },
    },
    {
      title: "oidc-client-ts",
      async over(fetch_) {
        const store = new oidc.WebStorageStateStore({ store: new oidc.InMemoryWebStorage() });
        const manager = new oidc.UserManager({
          authority: "https://api.vmcloud.com",
          client_id: "bench",
          redirect_uri: "https://app.example/",
          userStore: store,
          stateStore: store,
          automaticSilentRenew: false,
        }) as {
          storeUser(user: unknown): Promise<void>;
          getUser(): Promise<{ access_token: string } | null>;
        };
        const profile = { sub: "ada" };
        await manager.storeUser(
          new oidc.User({
            access_token: accessToken,
            token_type: "Bearer",
            expires_at: seconds(),
            profile,
          }),
        );
        return withToken(async () => (await manager.getUser())?.access_token, fetch_);
      },
    },
    {
      title: "@supabase/auth-js",
      async over(fetch_) {
        const session = {
          access_token: accessToken,
          refresh_token: "refresh-1",
          token_type: "bearer",
          expires_in: 86_400,
          expires_at: seconds(),
          user: { id: "ada" },
        };
        const kept = new Map([["bench", JSON.stringify(session)]]);
        const client = new supabase.AuthClient({
          url: "https://api.vmcloud.com",
          storageKey: "bench",
          storage: {
            getItem: (key: string) => kept.get(key) ?? null,
            setItem: (key: string, value: string) => void kept.set(key, value),
            removeItem: (key: string) => void kept.delete(key),
          },
          autoRefreshToken: false,
        }) as {
          getSession(): Promise<{ data: { session: { access_token: string } | null } }>;
        };
        return withToken(
          async () => (await client.getSession()).data.session?.access_token,
          fetch_,
        );
      },
    },
  ];
}
