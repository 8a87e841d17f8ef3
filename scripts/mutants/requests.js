/** Mutants of requests, redirects, wretch and webhooks: see `../mutants.js`. */

import { CONTRACTS } from "./tests.js";

const FETCH = "src/request/fetch.ts";
const WEBHOOK = "src/webhook.ts";
const WRETCH = "src/wretch.ts";

/** @type {readonly import("../mutants.js").Mutant[]} */
export const requests = [
  {
    name: "an origin is judged by its beginning",
    law: "S1, law 4",
    edits: [{ file: "src/request/policy.ts", find: '.join("|")})/`', replace: '.join("|")})`' }],
    test: CONTRACTS,
    title: "S1 S3 not to",
  },
  {
    name: "a caller's own Authorization is overridden",
    law: "S6",
    edits: [{ file: FETCH, find: "isBare || hasAuthorization(headers)", replace: "isBare" }],
    test: CONTRACTS,
    title: "S6 a caller's own wins",
  },
  {
    name: "a body is not kept for the second send",
    law: "P11, F20",
    edits: [{ file: FETCH, find: "own.body = kept ?? body;", replace: "own.body = body;" }],
    test: CONTRACTS,
    title: "P11 F20 is sent again after a 401",
  },
  {
    name: "a 403 is treated like a 401",
    law: "F18, law 6",
    edits: [
      { file: FETCH, find: "response.status !== 401 ||", replace: "!(response.status % 2) ||" },
    ],
    test: CONTRACTS,
    title: "F18 403 without a challenge",
  },
  {
    name: "the token that was rejected is sent again",
    law: "F19",
    edits: [
      {
        file: FETCH,
        find: "if (newer.accessToken !== token.accessToken) {",
        replace: "{",
      },
    ],
    test: "test/unit/fetch.test.ts",
    title: "F19 the same token brought back",
  },
  {
    name: "an inherited fetch sends",
    law: "S15",
    edits: [{ file: FETCH, find: "Object.create(null)", replace: "{}" }],
    test: "test/unit/fetch.test.ts",
    title: "S15 an inherited one sends nothing",
  },
  {
    name: "a redirect takes the token to any origin",
    law: "S2, law 4",
    edits: [
      {
        file: "src/request/redirects.ts",
        find: "if (policy(url.href)) hop.set",
        replace: "hop.set",
      },
    ],
    test: "test/unit/redirect.test.ts",
    title: "S2 the token goes along on listed origins only",
  },
  {
    name: "a POST leaves again at an outer retry",
    law: "P11",
    edits: [{ file: WRETCH, find: "if (isSpent) return reply!;", replace: "" }],
    test: CONTRACTS,
    title: "P11 a POST that is answered 503, retry",
  },
  {
    name: "a POST leaves again at an inner retry",
    law: "P11",
    edits: [{ file: WRETCH, find: "if (isOver && !isIdempotent(init))", replace: "if (false)" }],
    test: CONTRACTS,
    title: "P11 a POST that is answered 503, retry",
  },
  {
    name: "another account's reply is taken",
    law: "S11",
    edits: [{ file: WRETCH, find: "return isRead\n    ?", replace: "return reply\n    ?" }],
    test: CONTRACTS,
    title: "S11 one dedupe of everything for two accounts",
  },
  {
    name: "dedupe and caches stay on behind the vault",
    law: "S11",
    edits: [{ file: WRETCH, find: ", skipDedupe: true, skipCache: true", replace: "" }],
    test: CONTRACTS,
    title: "S11 one dedupe for two accounts",
  },
  {
    name: "the addon goes last",
    law: "S11",
    edits: [
      {
        file: WRETCH,
        find: "[vaultMiddleware(vault), ...wretch._middlewares]",
        replace: "[...wretch._middlewares, vaultMiddleware(vault)]",
      },
    ],
    test: CONTRACTS,
    title: "S11 one dedupe for two accounts",
  },
  {
    name: "wretch's chain is not used",
    law: "P11",
    edits: [
      { file: WRETCH, find: "fetch: (input, given", replace: "other: (input: string, given" },
    ],
    test: CONTRACTS,
    title: "P11 progress of what is sent",
  },
  {
    name: "a caller's own Authorization is guarded, too",
    law: "S6",
    edits: [{ file: WRETCH, find: " || hasAuthorization(options.headers)", replace: "" }],
    test: CONTRACTS,
    title: "S6 a caller's own Authorization wins",
  },
  {
    name: "a webhook's signature is not looked at",
    law: "S13",
    edits: [
      { file: WEBHOOK, find: "if (await crypto.subtle.verify(", replace: "if (await !void (" },
    ],
    test: "test/unit/webhook.test.ts",
    title: "S13 law: another secret never verifies",
  },
  {
    name: "a webhook's cap is not kept",
    law: "S13",
    edits: [
      { file: WEBHOOK, find: "if (!(size <= most)) {", replace: "if (Number.isNaN(size)) {" },
    ],
    test: CONTRACTS,
    title: "S13 the cap: a body of that length",
  },
  {
    name: "a dot in a webhook's id",
    law: "S13",
    edits: [{ file: WEBHOOK, find: "^[!-\\-/-~]{1,256}$", replace: "^[!-~]{1,256}$" }],
    test: CONTRACTS,
    title: "S13 no message passes for another",
  },
  {
    name: "a webhook's time is not looked at",
    law: "S13",
    edits: [{ file: WEBHOOK, find: 'if (!(age <= tolerance)) return "too_old";', replace: "" }],
    test: CONTRACTS,
    title: "S13 five minutes either way",
  },
  {
    name: "base64 in a second spelling",
    law: "S13",
    edits: [{ file: WEBHOOK, find: "if (btoa(binary) === text) ", replace: "" }],
    test: CONTRACTS,
    title: "S13 exact form: everything else is malformed",
  },
  {
    name: "a polluted prototype shortens the HMAC key",
    law: "S15",
    edits: [{ file: WEBHOOK, find: ", length: bytes.length * 8 }", replace: " }" }],
    test: CONTRACTS,
    title: "S13 S15 .length makes",
  },
  {
    name: "a stream's buffer is used again",
    law: "S13",
    edits: [{ file: WEBHOOK, find: "new Uint8Array(part.value)", replace: "part.value" }],
    test: CONTRACTS,
    title: "S13 a body in parts",
  },
];
