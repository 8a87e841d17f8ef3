/** Each attack on a login that RFC 9700 and its relatives name has a test whose title names it. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

const FILES = [
  "unit/oauth/begin.test.ts",
  "unit/oauth/complete.test.ts",
  "unit/providers/oauth2-attacks.test.ts",
  "tabs/oauth-login.test.ts",
];
const test = path.join(import.meta.dirname, "../..");
const texts = FILES.map((file) => readFileSync(path.join(test, file), "utf8")).join("\n");
/** What `describe` and `it` are called with. */
const titles = [...texts.matchAll(/(?:describe|it|\]\))\(\s*"([^"]*)"/g)].map(([, title]) => title);

describe("an attack on a login", () => {
  it.each([
    "mix-up",
    "code injection",
    "PKCE downgrade",
    "CSRF on the callback",
    "open redirect",
    "token leak by referrer or history",
    "replay of a callback",
    "wrong issuer",
    "metadata that lies",
    "an ID token of somebody else",
    "an algorithm that was not asked for",
    "a clock off by an hour",
  ])("has a test by its name: %s", (name) => {
    expect(titles.filter((title) => title?.includes(name))).not.toEqual([]);
  });
});
