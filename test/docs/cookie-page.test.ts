/** docs/cookie.md: its provider, as it stands there, in a browser's jar over an API of that kind. */
import { pathToFileURL } from "node:url";
import { afterAll, expect, it, vi } from "vitest";
import { createVault, type Provider } from "../../src/index.ts";
import type { CookieCredentials } from "../../src/providers/cookie.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { createCookieApi } from "../apis/cookies.ts";
import { beInPage, browserJar } from "../support/browser-jar.ts";
import { clockAhead } from "../support/clock.ts";
import { workshop } from "../support/programs.ts";
import { read, snippetsOf } from "./pages.ts";

const { save, remove } = workshop();
afterAll(() => {
  vi.unstubAllGlobals();
  remove();
});

const [first = expect.fail()] = snippetsOf("docs/cookie.md", read("docs/cookie.md"));
/** The page's own vault needs a browser; the test makes one over the same provider. */
const [setUp = ""] = first.code.split("export const vault");

it("takes ten lines at most, besides the imports", () => {
  const lines = first.code.split("\n").filter((line) => line && !line.startsWith("import"));
  expect(lines.length).toBeGreaterThan(5);
  expect(lines.length).toBeLessThanOrEqual(10);
});

it("works: sign-in, refresh, found again, sign-out", async () => {
  beInPage();
  const { acme } = (await import(/* @vite-ignore */ pathToFileURL(save(setUp)).href)) as {
    acme: Provider<CookieCredentials | void>;
  };
  let passed = 0;
  const api = createCookieApi({}, () => Date.now() + passed);
  const jar = browserJar();
  const open = () =>
    createVault({
      provider: acme,
      store: memoryStore(),
      fetch: jar.fetchOf(api.fetch),
      clock: clockAhead(() => passed),
    });
  const vault = open();
  await vault.signIn({ email: "ada", password: "right" });
  passed = 3_600_000;
  expect((await vault.fetch("https://api.acme.example/things")).status).toBe(200);
  const found = open();
  expect((await found.fetch("https://api.acme.example/things")).status).toBe(200);
  await found.signOut();
  await expect.poll(() => api.users()).toEqual([]);
  expect(api.to("refresh").map(({ status }) => status)).toEqual([200, 200]);
  vault.close();
  found.close();
});
