/** Supabase: its codes, its two ways in, its reuse interval. Over real sockets. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { createVault, type Provider, type Vault } from "../../../src/index.ts";
import {
  supabase,
  type SupabaseCredentials,
  type SupabaseOptions,
} from "../../../src/providers/supabase.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { ada } from "../../apis/frameworks/framework.ts";
import { createFrameworkApi } from "../../apis/frameworks/index.ts";
import { APIKEY } from "../../apis/frameworks/supabase.ts";
import { asFetch } from "../../apis/in-process.ts";
import { clockAhead } from "../../support/clock.ts";
import { findSecrets } from "../../support/secrets.ts";

const projectURL = "https://abcdefghijklmnopqrst.supabase.co";
const credentials = { email: ada.email, password: ada.password };

interface Opened {
  readonly api: ReturnType<typeof createFrameworkApi>;
  readonly vault: Vault<SupabaseCredentials>;
  readonly provider: Provider<SupabaseCredentials>;
  /** What was sent, newest last. */
  readonly sent: Request[];
  pass(ms: number): void;
  get(): Promise<Response>;
}

const open: Vault<SupabaseCredentials>[] = [];
afterEach(() => open.splice(0).forEach((vault) => vault.close()));

function openProject(
  options: Partial<SupabaseOptions> = {},
  before: (request: Request) => Response | undefined = () => undefined,
): Opened {
  const api = createFrameworkApi("supabase");
  const sent: Request[] = [];
  let passed = 0;
  const provider = supabase({ projectURL, publishableKey: APIKEY, ...options });
  const vault = createVault({
    provider,
    store: memoryStore(),
    fetch: asFetch(async (request) => {
      sent.push(request.clone());
      return before(request) ?? api.fetch(request);
    }),
    clock: clockAhead(() => passed),
  });
  open.push(vault);
  return {
    api,
    vault,
    provider,
    sent,
    pass: (ms) => api.set({ clockOffset: (passed += ms) }),
    get: () => vault.fetch(`${projectURL}/rest/v1/todos`, { headers: { apikey: APIKEY } }),
  };
}

async function signedIn(...given: Parameters<typeof openProject>): Promise<Opened> {
  const opened = openProject(...given);
  await opened.vault.signIn(credentials);
  return opened;
}

describe("supabase", () => {
  it("signs in by a password, shows the user, and is refreshed [F23]", async () => {
    const { vault, api, pass, get } = await signedIn();
    expect(vault.snapshot().profile).toMatchObject({ email: ada.email });
    expect((await get()).status).toBe(200);
    pass(3_600_000);
    expect((await get()).status).toBe(200);
    expect(api.counters()).toMatchObject({ refreshed: 1, unauthorized: 0, reuseDetections: 0 });
  });

  it("redeems a social login's code with its verifier, at another grant type", async () => {
    const grant = { access_token: "by-code", refresh_token: "r-1", expires_in: 3_600 };
    const { vault, sent } = openProject({}, ({ url }) =>
      url.endsWith("grant_type=pkce") ? Response.json(grant) : undefined,
    );
    await vault.signIn({ authCode: "code-1", codeVerifier: "verifier-1" });
    expect(await vault.getToken()).toBe("by-code");
    expect(await sent[0]?.json()).toEqual({ auth_code: "code-1", code_verifier: "verifier-1" });
    expect(sent[0]?.headers.get("apikey")).toBe(APIKEY);
  });

  it.each([
    "refresh_token_not_found",
    "refresh_token_already_used",
    "session_not_found",
    "session_expired",
    "user_banned",
  ])("the code %s ends the session, in the older shape and in the newer [P17]", async (code) => {
    for (const body of [
      { code: 400, error_code: code, msg: "no" },
      { code, message: "no" },
    ]) {
      const { vault, pass, get } = await signedIn({}, ({ url }) =>
        url.endsWith("grant_type=refresh_token") ? Response.json(body, { status: 400 }) : undefined,
      );
      pass(3_600_000);
      await expect(get()).rejects.toMatchObject({ code: "sign_in_required" });
      expect(vault.snapshot().status).toBe("sign-in-required");
    }
  });

  it.each<[string, number, object]>([
    ["the gateway's 401 about the key", 401, { message: "Invalid API key" }],
    ["too many refreshes at once", 409, { error_code: "conflict", code: 409 }],
    ["a hook that timed out", 422, { code: "hook_timeout" }],
    ["a mistake in the request", 400, { error_code: "validation_failed", code: 400 }],
  ])("%s ends no session [P17]", async (_, status, body) => {
    let isTroubled = true;
    const { vault, pass, get } = await signedIn({ rotation: "none" }, ({ url }) =>
      isTroubled && url.endsWith("grant_type=refresh_token")
        ? Response.json(body, { status })
        : undefined,
    );
    const events: string[] = [];
    vault.events(({ type }) => events.push(type));
    // At its soft time: the token is good still.
    pass(3_400_000);
    expect((await get()).status).toBe(200);
    await vi.waitFor(() => expect(events).toContain("trouble"), { timeout: 10_000 });
    expect(vault.snapshot().status).toBe("signed-in");
    isTroubled = false;
    pass(200_000);
    expect((await get()).status).toBe(200);
  });

  it("a wrong password is refused", async () => {
    const { vault } = openProject();
    const wrong = vault.signIn({ ...credentials, password: "wrong" });
    await expect(wrong).rejects.toMatchObject({ code: "credentials_refused", status: 400 });
  });

  it("has ten seconds of reuse, unless the project has others", () => {
    expect(openProject().provider.renewal).toMatchObject({
      rotation: "strict",
      reuseWindow: 10_000,
    });
    expect(openProject({ reuseWindow: 0 }).provider.renewal?.reuseWindow).toBe(0);
  });

  it.each([
    [undefined, "local"],
    ["global", "global"],
  ] as const)("a sign-out with scope %s ends %s sessions [S14]", async (signOutScope, scope) => {
    const { vault, sent } = await signedIn(signOutScope ? { signOutScope } : {});
    await vault.signOut();
    const url = `${projectURL}/auth/v1/logout?scope=${scope}`;
    await vi.waitFor(() => expect(sent.at(-1)?.url).toBe(url), { timeout: 10_000 });
  });

  it("hands out no password and no key that is not public [S7]", async () => {
    const { provider, vault } = await signedIn();
    expect(findSecrets([provider, vault], [ada.password])).toEqual([]);
  });
});
