/** Mutants of providers, and how they ask: see `../mutants.js`. */

import { CONTRACTS } from "./tests.js";

/** @type {readonly import("../mutants.js").Mutant[]} */
export const providers = [
  {
    name: "a redirect of the token endpoint is followed",
    law: "S2",
    edits: [
      {
        file: "src/grant/token-request.ts",
        find: 'redirect: "manual"',
        replace: 'redirect: "follow"',
      },
    ],
    test: CONTRACTS,
    title: "S2 the token endpoint's redirect is refused",
  },
  {
    name: "Qovery's token is sent as Bearer",
    law: "table of the five APIs",
    edits: [{ file: "src/providers/qovery.ts", find: 'scheme: "Token",', replace: "" }],
    test: "test/unit/providers/five.test.ts",
    title: "S6 sends the auth-scheme Token",
  },
  {
    name: "Artos' public path gets the token",
    law: "S1, law 4",
    edits: [
      {
        file: "src/providers/artos.ts",
        find: 'folder + "/api/v1/search/status"',
        replace: 'folder + "/none"',
      },
    ],
    test: "test/unit/providers/presets.test.ts",
    title: "S1 the call that mints",
  },
  {
    name: "a status alone refuses Artos' user id",
    law: "P17",
    edits: [
      {
        file: "src/providers/artos.ts",
        find: ' && typeof detail === "string"',
        replace: " && detail !== 0",
      },
    ],
    test: "test/unit/providers/mint.test.ts",
    title: "P9 P17 artos: trouble for 401",
  },
  {
    name: "a token that was found is taken for a fresh one",
    law: "F16",
    edits: [{ file: "src/grant/secrets.ts", find: "aged: true", replace: "aged: false" }],
    test: "test/unit/providers/static-token.test.ts",
    title: "F16 that is a JWT has aged",
  },
  {
    name: "a pasted space is trimmed",
    law: "S5",
    edits: [
      {
        file: "src/grant/secrets.ts",
        find: "if (isToken(secret, scheme)) return secret;",
        replace: "const kept = String(secret).trim(); if (isToken(kept, scheme)) return kept;",
      },
    ],
    test: "test/unit/providers/static-token.test.ts",
    title: "S4 S5 with a space behind",
  },
  {
    name: "a long-lived secret in a page draws no warning",
    law: "S16",
    edits: [{ file: "src/grant/secrets.ts", find: "  warned.add(name);", replace: "  return;" }],
    test: "test/dom/secrets.test.ts",
    title: "S16 draws one warning",
  },
  {
    name: "a page that knows is warned all the same",
    law: "S16",
    edits: [
      { file: "src/grant/secrets.ts", find: "    dangerouslyAllowInBrowser ||\n", replace: "" },
    ],
    test: "test/dom/secrets.test.ts",
    title: "S16 is silent when",
  },
  {
    name: "a token without its credentials asks the endpoint to mint",
    law: "P9",
    edits: [
      {
        file: "src/providers/mint.ts",
        find: "material === undefined ?",
        replace: "material === null ?",
      },
    ],
    test: "test/unit/providers/mint.test.ts",
    title: "P9 serves to its end",
  },
  {
    name: "the environment stands on the provider",
    law: "S7",
    edits: [
      {
        file: "src/providers/static-token.ts",
        find: "...addressOf(options),",
        replace: "...addressOf(options), ...options,",
      },
    ],
    test: "test/unit/providers/static-token.test.ts",
    title: "S7 does not hold the environment",
  },
  {
    name: "the key that signs can be exported",
    law: "S8",
    edits: [
      {
        file: "src/providers/self-signed.ts",
        find: 'hmac, false, ["sign"]',
        replace: 'hmac, true, ["sign"]',
      },
    ],
    test: "test/unit/providers/self-signed.test.ts",
    title: "S8 S15 is imported",
  },
  {
    name: "the environment's key is stored with the session",
    law: "S7",
    edits: [
      {
        file: "src/providers/self-signed.ts",
        find: "grant: { accessToken, material: credentials }",
        replace:
          "grant: { accessToken, material: { ...credentials, apiKey: new TextDecoder().decode(bytes) } }",
      },
    ],
    test: "test/unit/providers/self-signed.test.ts",
    title: "of the environment is read",
  },
  {
    name: "an error of jose is handed on",
    law: "S4",
    edits: [
      {
        file: "src/providers/self-signed.ts",
        find: "if (isVaultError(error)) throw error;",
        replace: "throw error;",
      },
    ],
    test: "test/unit/providers/self-signed.test.ts",
    title: "S4 claims that are no JSON",
  },
];
