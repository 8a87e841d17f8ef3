/** docs/oauth.md: the page's example, as it stands there, over an OpenID provider. */
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { createVault, type Vault, type VaultOptions } from "../../src/index.ts";
import type { CodeCredentials } from "../../src/providers/oauth2.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { workshop } from "../support/programs.ts";
import { openPage } from "../unit/oauth/bare-browser.ts";
import { stage } from "../unit/providers/oauth2-stage.ts";
import { read, snippetsOf } from "./pages.ts";

const { save, remove } = workshop();
afterAll(remove);
afterEach(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});

const snippets = snippetsOf("docs/oauth.md", read("docs/oauth.md"));
const [page] = snippets;

interface Example {
  readonly vault: Vault;
  readonly outcome: { type: string };
  logIn(): Promise<void>;
}

/** The module, as a page's load runs it. */
const load = async (): Promise<Example> =>
  import(
    /* @vite-ignore */
    pathToFileURL(save(page!.code.replaceAll("acme.example", "acme.test"))).href
  );

describe("a page with a login", () => {
  it("takes three calls, and fewer lines than a screen", () => {
    expect(page!.code.match(/(createVault|beginSignIn|completeSignIn)\(/g)).toHaveLength(3);
    expect(page!.code.trimEnd().split("\n").length).toBeLessThanOrEqual(16);
  });

  it("works: the login, the callback, a request with the token", async () => {
    const browser = await openPage();
    const before = await load();
    expect(before.outcome).toEqual({ type: "none" });
    await before.logIn();
    browser.login();
    const after = await load();
    expect(after.outcome).toEqual({ type: "signed-in", returnTo: "/vms?page=2#third" });
    expect(after.vault.snapshot().profile).toMatchObject({ name: "Ada" });
    browser.server.answer = ({ headers, path }) =>
      path === "/things" ? Response.json(headers.get("authorization")) : undefined;
    const reply = await after.vault.fetch("https://api.acme.test/things");
    expect(await reply.json()).toMatch(/^Bearer access-/);
  });
});

describe("a server with a secret", () => {
  it("works, and leaves no vault behind with each request [F92]", async () => {
    const { server, login } = await stage({ clientSecret: "the-server's" });
    server.answer = ({ headers, path }) =>
      path === "/things" ? Response.json(headers.get("authorization")) : undefined;
    let made = 0;
    const store = memoryStore();
    vi.stubGlobal("fetch", server.fetch);
    vi.stubGlobal("make", (options: VaultOptions<CodeCredentials>) => {
      made += 1;
      return createVault({ ...options, store });
    });
    vi.stubEnv("ACME_SECRET", "the-server's");
    const { code = "" } = snippets.find((one) => one.code.includes("function handle(")) ?? {};
    const program = code.replaceAll("acme.example", "acme.test").replace("createVault(", "make(");
    const { handle } = await import(/* @vite-ignore */ pathToFileURL(save(program)).href);
    const ask = (path: string, init: RequestInit = {}): Promise<Response> => {
      const headers = { "sec-fetch-site": "same-origin", ...init.headers };
      return handle(new Request(`https://app.acme.test${path}`, { ...init, headers }));
    };
    const begun = await ask("/session", { method: "POST", body: JSON.stringify(await login()) });
    const [cookie = ""] = begun.headers.get("set-cookie")?.split(";") ?? [];
    for (let call = 0; call < 3; call++) {
      const reply = await ask("/api/things", { headers: { cookie } });
      expect(await reply.json()).toMatch(/^Bearer access-/);
    }
    expect(made).toBe(1);
  });
});
