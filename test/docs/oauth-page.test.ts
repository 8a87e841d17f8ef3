/** docs/oauth.md: the page's example, as it stands there, over an OpenID provider. */
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import type { Vault } from "../../src/index.ts";
import { workshop } from "../support/programs.ts";
import { openPage } from "../unit/oauth/bare-browser.ts";
import { read, snippetsOf } from "./pages.ts";

const { save, remove } = workshop();
afterAll(remove);
afterEach(() => vi.unstubAllGlobals());

const [page] = snippetsOf("docs/oauth.md", read("docs/oauth.md"));

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
