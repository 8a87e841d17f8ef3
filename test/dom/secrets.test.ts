/** Long-lived secrets in a page: one warning that says why they do not belong there (S16). */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createVault } from "../../src/index.ts";
import { artos } from "../../src/providers/artos.ts";
import { clary } from "../../src/providers/clary.ts";
import { claryJwt } from "../../src/providers/clary-jwt.ts";
import { jwtBearer } from "../../src/providers/jwt-bearer.ts";
import { mint } from "../../src/providers/mint.ts";
import { qovery } from "../../src/providers/qovery.ts";
import { selfSigned } from "../../src/providers/self-signed.ts";
import { simplismart } from "../../src/providers/simplismart.ts";
import { staticToken } from "../../src/providers/static-token.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { memoryStore } from "../../src/stores/memory.ts";

const SECRET = "long-lived-secret";
const env = {
  SIMPLISMART_TOKEN: SECRET,
  ARTOS_TOKEN: SECRET,
  QOVERY_API_TOKEN: SECRET,
  CLARY_API_KEY: SECRET,
};

let warn: ReturnType<typeof vi.spyOn>;
beforeEach(() => {
  warn = vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterEach(() => {
  warn.mockRestore();
});

const warnings = (): string[] => warn.mock.calls.map((words: unknown[]) => words.join(" "));

const presets = { simplismart, artos, qovery, clary, "clary-jwt": claryJwt } as const;

describe.each(Object.entries(presets))("%s", (name, make) => {
  it("is silent when the page says that it knows [S16]", () => {
    make({ env, dangerouslyAllowInBrowser: true });
    expect(warnings()).toEqual([]);
  });

  it("draws one warning, however often it is made, without the secret [S16]", () => {
    for (let n = 0; n < 3; n += 1) make({ env });
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toContain(`"${name}"`);
    expect(warnings()[0]).toMatch(/does not belong in a browser.*dangerouslyAllowInBrowser/);
    expect(warnings()[0]).not.toContain(SECRET);
  });
});

describe("other providers", () => {
  it("each name has a warning of its own [S16]", () => {
    const origins = ["https://api.acme.example"];
    staticToken({ name: "acme-one", origins });
    mint({ name: "acme-two", origins, tokenUrl: `${origins[0]}/mint`, read: () => ({}) });
    staticToken({ name: "acme-two", origins });
    const signed = { origins, key: () => SECRET, claims: () => ({}) };
    selfSigned({ name: "acme-three", ...signed });
    jwtBearer({ name: "acme-four", tokenUrl: `${origins[0]}/token`, ...signed });
    expect(warnings().map((words) => /"(.+?)"/.exec(words)?.[1])).toEqual([
      "acme-one",
      "acme-two",
      "acme-three",
      "acme-four",
    ]);
  });

  it("a password is typed in by a person and draws none [S16]", () => {
    vmcloud();
    expect(warnings()).toEqual([]);
  });

  it("what works elsewhere works here all the same [S16]", async () => {
    const vault = createVault({ provider: qovery({ env }), store: memoryStore() });
    await vault.signIn();
    expect(await vault.authorization()).toBe(`Token ${SECRET}`);
  });
});
