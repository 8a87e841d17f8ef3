/**
 * docs/logins.md: each framework's program, as it stands there, against a server that behaves as that
 * framework's documentation says, over a real socket.
 */
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { createVault, type Provider, type Vault } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { ada, type FrameworkApi, type FrameworkOptions } from "../apis/frameworks/framework.ts";
import {
  createFrameworkApi,
  dialects,
  type FrameworkName,
  frameworks,
} from "../apis/frameworks/index.ts";
import { APIKEY } from "../apis/frameworks/supabase.ts";
import { serve } from "../apis/sockets.ts";
import { clockAhead } from "../support/clock.ts";
import { programOf, workshop } from "../support/programs.ts";
import { findSecrets } from "../support/secrets.ts";
import { rejection } from "../support/vault.ts";
import { read } from "./pages.ts";

const HOST = "https://api.acme.example";

const headings: Readonly<Record<FrameworkName, string>> = {
  django: "Django, Simple JWT",
  sanctum: "Laravel Sanctum",
  spring: "Spring",
  supabase: "Supabase",
  devise: "Rails, Devise-JWT",
  wordpress: "WordPress",
  strapi: "Strapi",
  directus: "Directus",
};

/** What the program shows of the user, if anything. */
const profiles: Readonly<Partial<Record<FrameworkName, object>>> = {
  spring: { username: "ada", roles: ["ROLE_USER"] },
  supabase: { email: ada.email, user_metadata: { name: "Ada" } },
  devise: { id: 7, email: ada.email },
  wordpress: { user_display_name: "Ada", user_email: ada.email },
  strapi: { username: "ada", documentId: "x74d" },
};

const { save, remove } = workshop();
afterAll(remove);

const open: { close(): unknown }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

interface Opened {
  readonly vault: Vault<any>;
  readonly api: FrameworkApi;
  readonly credentials: Readonly<Record<string, string>>;
  /** Reads something of the API. */
  get(): Promise<Response>;
  /** Moves the clocks of both sides. */
  pass(ms: number): void;
}

/** What a test says in place of the program. */
interface More {
  readonly patience?: number;
  readonly reuseWindow?: number;
}

/** For a refresh that fails: how long its caller waits. */
const IMPATIENT: More = { patience: 500 };

async function start(
  name: FrameworkName,
  options: FrameworkOptions = {},
  { patience = 20_000, ...renewal }: More = {},
): Promise<Opened> {
  const file = save(programOf("docs/logins.md", headings[name]));
  const { acme } = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as {
    acme: Provider<never>;
  };
  let passed = 0;
  const api = createFrameworkApi(name, { now: () => Date.now() + passed, ...options });
  const served = await serve(api.fetch);
  const vault: Vault<any> = createVault({
    provider: { ...acme, renewal: { ...acme.renewal, ...renewal } } as Provider<never>,
    store: memoryStore(),
    patience,
    clock: clockAhead(() => passed),
    fetch: (input, init) => fetch(String(input).replace(HOST, served.url), init),
  });
  open.push(vault, served);
  const path = { wordpress: "/wp-json/wp/v2/users/me", strapi: "/api/users/me" }[name as string];
  return {
    vault,
    api,
    credentials: dialects[name].credentials,
    get: () => vault.fetch(HOST + (path ?? "/rest/v1/me"), { headers: { apikey: APIKEY } }),
    pass: (ms) => void (passed += ms),
  };
}

async function signedIn(
  name: FrameworkName,
  options?: FrameworkOptions,
  more?: More,
): Promise<Opened> {
  const opened = await start(name, options, more);
  await opened.vault.signIn(opened.credentials);
  return opened;
}

const refreshing = frameworks.filter((name) => "refresh" in dialects[name]);
const lasting = frameworks.filter((name) => !("refresh" in dialects[name]));
const leaving = frameworks.filter((name) => "logout" in dialects[name]);
/** What an API answers where the token is not taken: 403 of WordPress, 401 of all others. */
const rejected = (name: FrameworkName): number => (name === "wordpress" ? 403 : 401);

describe.each(frameworks)("%s", (name) => {
  it("takes fifteen lines at most", () => {
    const lines = programOf("docs/logins.md", headings[name]).trimEnd().split("\n");
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.length).toBeLessThanOrEqual(15);
  });

  it("signs in, is served, and shows the profile", async () => {
    const { vault, get } = await signedIn(name);
    const reply = await get();
    expect(reply.status).toBe(200);
    expect(await reply.json()).toMatchObject({ email: ada.email });
    const { status, expiresAt, profile } = vault.snapshot();
    expect(status).toBe("signed-in");
    expect(profile).toEqual(profiles[name] ? expect.objectContaining(profiles[name]) : undefined);
    // Its life is known, but for an opaque token that says nothing.
    expect(expiresAt === undefined).toBe(name === "sanctum");
  });

  it("a wrong password is refused, and leaves the session alone [P17]", async () => {
    const { vault, get, credentials } = await signedIn(name);
    const wrong = { ...credentials, password: "wrong" };
    expect(await rejection(vault.signIn(wrong))).toMatchObject({ code: "credentials_refused" });
    expect((await get()).status).toBe(200);
  });

  it.each([
    ["throttled", 429, 35_000],
    ["down", 503, 35_000],
  ] as const)(
    "a sign-in while it is %s is no refusal, and tells how long to wait [F76 P17]",
    async (mood, status, pause) => {
      const { vault, credentials, api } = await start(name, { mood });
      expect(await rejection(vault.signIn(credentials))).toMatchObject({
        code: "sign_in_failed",
        status,
        ...(mood === "throttled" && { retryAfter: pause }),
      });
      api.set({ mood: "well" });
      await vault.signIn(credentials);
      expect(vault.snapshot().status).toBe("signed-in");
    },
  );

  it("a captive portal's page is no token, and no refusal [P17]", async () => {
    const { vault, credentials, api } = await start(name);
    api.fault("token", { captivePortal: true });
    const error = await rejection(vault.signIn(credentials));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "no_token" });
    await vault.signIn(credentials);
  });

  it("no error and no snapshot holds a password or a token [S4 S7]", async () => {
    const { vault, credentials, api, get, pass } = await signedIn(name);
    const secrets = [await vault.getToken(), credentials["password"]!, "refresh-"];
    const errors = [await rejection(vault.signIn({ ...credentials, password: "hunter2" }))];
    api.revoke();
    api.expireAccessTokens();
    pass(31 * 86_400_000);
    await get().catch((error: Error) => errors.push(error));
    expect(findSecrets([errors, vault.snapshot()], [...secrets, "hunter2"])).toEqual([]);
  });
});

describe.each(refreshing)("%s, refreshed", (name) => {
  it("a 401 is healed by one refresh for all callers, and the profile is kept [P1 P11]", async () => {
    const { vault, api, get } = await signedIn(name);
    const { profile } = vault.snapshot();
    api.expireAccessTokens();
    const replies = await Promise.all(Array.from({ length: 5 }, get));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 1, reuseDetections: 0 });
    expect(vault.snapshot()).toMatchObject({ generation: 2, profile });
  });

  it("comes in time, again and again, without a 401", async () => {
    const { api, get, pass, vault } = await signedIn(name);
    for (let round = 1; round <= 3; round++) {
      const { issuedAt, expiresAt } = vault.snapshot();
      pass(expiresAt! - issuedAt!);
      expect((await get()).status).toBe(200);
      expect(api.counters()).toMatchObject({ tokenCalls: round, unauthorized: 0 });
    }
  });

  it("a spent refresh token ends the session, and is not sent again [P9]", async () => {
    const { vault, api, get } = await signedIn(name);
    api.revoke();
    api.expireAccessTokens();
    const error = await rejection(get());
    expect(error).toMatchObject({ code: "sign_in_required", reason: "refresh_token_refused" });
    await rejection(get());
    expect(api.counters().tokenCalls).toBe(1);
    expect(findSecrets(error, ["refresh-"])).toEqual([]);
    expect(vault.snapshot().status).toBe("sign-in-required");
  });

  it.each(["throttled", "down"] as const)(
    "while it is %s nobody is signed out, and later it goes on [P17]",
    async (mood) => {
      const { vault, api, get, pass } = await signedIn(name, {}, IMPATIENT);
      api.set({ mood });
      const { issuedAt, expiresAt } = vault.snapshot();
      pass(expiresAt! - issuedAt!);
      expect(await rejection(get())).toMatchObject({ code: "refresh_failed" });
      expect(vault.snapshot().status).toBe("signed-in");
      api.set({ mood: "well" });
      pass(120_000);
      // After a 503 nobody knows whether the token was spent: peers are asked first, which takes a second.
      const again = async (): Promise<unknown> => (await get().catch(() => undefined))?.status;
      await expect.poll(again, { timeout: 10_000 }).toBe(200);
      expect(api.counters().reuseDetections).toBe(0);
    },
  );
});

describe.each(lasting)("%s, which has no refresh", (name) => {
  it("a token that is not taken is told by its reply, and nothing else is asked [P11]", async () => {
    const { vault, api, get } = await signedIn(name);
    api.expireAccessTokens();
    expect((await get()).status).toBe(rejected(name));
    expect(api.counters()).toMatchObject({ requests: 2, tokenCalls: 0 });
    const isTold = rejected(name) === 401;
    expect(vault.snapshot().status).toBe(isTold ? "sign-in-required" : "signed-in");
  });

  it("asks for a sign-in when the token has come to its end", async () => {
    const { vault, get, pass } = await signedIn(name);
    pass(31 * 86_400_000);
    if (name === "sanctum") expect((await get()).status).toBe(401);
    else expect(await rejection(get())).toMatchObject({ code: "sign_in_required" });
    expect(vault.snapshot().status).toBe("sign-in-required");
  });
});

describe.each(leaving)("%s, signed out", (name) => {
  it("the server has heard of it: its tokens are not taken any more [S14]", async () => {
    const { vault, api, get } = await signedIn(name);
    const token = await vault.getToken();
    await vault.signOut();
    await expect.poll(() => api.counters().familiesRevoked, { timeout: 10_000 }).toBe(1);
    expect(await rejection(get())).toMatchObject({ code: "no_session" });
    await vault.adopt({ accessToken: token });
    const byAccess = (dialects[name] as { logoutBy?: string }).logoutBy === "access";
    expect((await get()).status).toBe(byAccess ? 401 : 200);
  });
});

describe("a refusal that is about something else", () => {
  it.each<[FrameworkName, string, number, object]>([
    ["supabase", "a public key that was replaced", 401, { message: "Invalid API key" }],
    ["spring", "a firewall's 403", 403, { message: "Forbidden" }],
    ["django", "a proxy's 403", 403, { detail: "Forbidden" }],
    ["directus", "an address that is not listed", 403, { errors: [] }],
  ])("%s: %s ends no session [P17]", async (name, _, status, body) => {
    const { vault, api, get } = await signedIn(name, {}, IMPATIENT);
    api.fault("refresh", { status, body, times: "always" });
    api.expireAccessTokens();
    await get().catch(() => {});
    expect(vault.snapshot().status).toBe("signed-in");
  });

  it.each<[FrameworkName, string, number, object]>([
    ["wordpress", "a secret that is not set", 403, { code: "jwt_auth_bad_config" }],
    ["sanctum", "a form without its error", 422, { message: "Unprocessable" }],
    ["devise", "a header that CORS hides", 201, { id: 7 }],
  ])("%s: %s refuses no password [P17]", async (name, _, status, body) => {
    const { vault, api, credentials } = await start(name);
    api.fault("token", { status, body });
    expect(await rejection(vault.signIn(credentials))).toMatchObject({
      code: "sign_in_failed",
      reason: "no_token",
      status,
    });
  });
});

describe("django's modes", () => {
  it("without rotation the reply has no refresh token: the old one is kept [F23]", async () => {
    const { api, get, pass } = await signedIn("django", { rotation: "none" });
    for (let round = 1; round <= 3; round++) {
      pass(300_000);
      expect((await get()).status).toBe(200);
    }
    expect(api.counters()).toMatchObject({ refreshed: 3, reuseDetections: 0 });
  });
});

describe("supabase's reuse interval", () => {
  const lost = async (more: More): Promise<number> => {
    const { vault, api, get, credentials, pass } = await start("supabase", {}, more);
    await vault.signIn(credentials);
    pass(3_600_000);
    api.fault("refresh", { dropReply: "after" });
    await get().catch(() => {});
    pass(2_000);
    await get().catch(() => {});
    return api.counters().refreshed;
  };

  it("where it is declared, a refresh whose reply was lost is made again at once [P2]", async () => {
    expect(await lost({ ...IMPATIENT, reuseWindow: 10_000 })).toBe(2);
  });
});

it("the page tells of each framework, and names its documentation's page", () => {
  const page = read("docs/logins.md");
  for (const heading of Object.values(headings)) {
    const [section = ""] = page.split(`\n## ${heading}\n`)[1]?.split("\n## ") ?? [];
    expect([heading, section]).toEqual([heading, expect.stringMatching(/\]\(https:\/\//)]);
  }
});
