/**
 * `npm run mutants`: proof that the tests of the laws can fail (STYLE 17). Each mutant breaks one rule
 * in a copy of the tree and names the test that must turn red. A mutant that survives is a hole in
 * the tests; one whose text is no longer found, or whose test is red without it, proves nothing.
 * All three end the run with an error. Words after `npm run mutants --` choose mutants by name.
 */

import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { root, seconds, useOwnNode } from "./run.js";

/**
 * One text in one file, and what takes its place.
 *
 * @typedef {object} Edit
 * @property {string} file
 * @property {string} find
 * @property {string} replace
 */

/**
 * @typedef {object} Mutant
 * @property {string} name
 * @property {string} law the requirement that is broken
 * @property {readonly Edit[]} edits
 * @property {string} test the file of the test that must turn red
 * @property {string} title how its title begins
 */

const DECIDE = "src/engine/decide.ts";
const ENGINE = "src/engine/engine.ts";
const LEDGER = "src/engine/ledger.ts";
const TRANSITIONS = "src/engine/transitions.ts";
const FETCH = "src/fetch.ts";
const ISOLATE = "src/cloudflare/memory.ts";
const OWNER = "src/cloudflare/owner.ts";
const WEBHOOK = "src/webhook.ts";
const WRETCH = "src/wretch.ts";
const SERVE = "src/worker/serve.ts";
const CONNECT = "src/worker/connect.ts";

const MODEL = "test/model/protocol.test.ts";
const CONTRACTS = "test/runtimes/node.test.ts";
const REFRESH = "test/unit/refresh.test.ts";
const WORKER = "test/unit/worker/serve.test.ts";
const PAGE = "test/unit/worker/connect.test.ts";

const STRICT = "P2 P5 P8 F39 strict rotation";
/** Of the model test: more of them for a mutant that survives the first. */
const SCHEDULES = [3_000, 30_000];
/** A failing schedule is shrunk for as long as fast-check likes; that it fails is known long before. */
const PATIENCE = 180_000;

/** @type {readonly Mutant[]} */
const mutants = [
  {
    name: "a store writes whatever is expected",
    law: "P3, law 1",
    edits: [
      {
        file: "src/stores/memory.ts",
        find: "if (sessionId !== expected?.sessionId || revision !== expected?.revision) return false;",
        replace: "void [sessionId, revision, expected];",
      },
    ],
    test: CONTRACTS,
    title: "P3 a write against a stale revision changes nothing",
  },
  {
    name: "a lost compare-and-set is taken for a won one",
    law: "P2, P3, law 1",
    edits: [
      {
        file: LEDGER,
        find: "if (!(await reach(store.write(key, next, expected)))) return false;",
        replace: "await reach(store.write(key, next, expected));",
      },
    ],
    test: MODEL,
    title: STRICT,
  },
  {
    name: "no fence before sending",
    law: "P8",
    edits: [
      {
        file: ENGINE,
        find: "if (!(await ledger.holds(next))) return;",
        replace: "await ledger.holds(next);",
      },
    ],
    test: MODEL,
    title: "P8 F3 F7 locks",
  },
  {
    name: "the fence is not looked at again after a freeze",
    law: "P8",
    edits: [
      { file: ENGINE, find: "while (running() - asked > CLAIM)", replace: "while (asked < 0)" },
    ],
    test: MODEL,
    title: "P8 F3 F7 locks",
  },
  {
    name: "no intent before the first byte",
    law: "P5",
    edits: [
      {
        file: ENGINE,
        find: "if (!(await ledger.replace(next))) return;",
        replace: "ledger.session = next;",
      },
      {
        file: ENGINE,
        find: "if (!(await ledger.holds(next))) return;",
        replace: "await ledger.holds(next);",
      },
    ],
    test: MODEL,
    title: STRICT,
  },
  {
    name: "a replay under strict rotation while the access token is good",
    law: "P2",
    edits: [{ file: DECIDE, find: 'if (!harmless && alive) return "use";', replace: "" }],
    test: MODEL,
    title: STRICT,
  },
  {
    name: "peers are not asked before the last chance",
    law: "P2",
    edits: [{ file: DECIDE, find: 'if (!harmless && !silent) return "ask";', replace: "" }],
    test: MODEL,
    title: "P7 F9 F22 waiters get a token",
  },
  {
    name: "a refused refresh token is sent again",
    law: "P9",
    edits: [{ file: DECIDE, find: "session.refused ||", replace: "" }],
    test: MODEL,
    title: STRICT,
  },
  {
    name: "no tombstone",
    law: "P4, S14",
    edits: [
      {
        file: LEDGER,
        find: "!current || current.tombstone || !ended.has(current.sessionId)",
        replace: "!current || current.sessionId",
      },
    ],
    test: "test/unit/accounts.test.ts",
    title: "P4 another context drops the session",
  },
  {
    name: "a late commit brings an ended session back",
    law: "P4, F24",
    edits: [
      { file: ENGINE, find: "const after = isOurs(stored)", replace: "const after = isOurs(next)" },
      { file: ENGINE, find: "concluded(stored!,", replace: "concluded(stored ?? next," },
    ],
    test: MODEL,
    title: "P4 F24 sign-outs and sign-ins race",
  },
  {
    name: "what the server gave last is overwritten by what it gave before",
    law: "P6",
    edits: [
      { file: TRANSITIONS, find: "if (current.attempt >= attempt) return undefined;", replace: "" },
    ],
    test: "test/unit/transitions.test.ts",
    title: "P2 P8 its grant is kept",
  },
  {
    name: "a refusal or trouble of an attempt that was taken over counts",
    law: "P9, F33",
    edits: [
      {
        file: TRANSITIONS,
        find: "if (current.intent?.attemptId !== intent.attemptId) return undefined;",
        replace: "",
      },
    ],
    test: "test/unit/transitions.test.ts",
    title: "P8 P9 its refusal",
  },
  {
    name: "a 401 for an older generation counts for the current one",
    law: "P12",
    edits: [
      {
        file: DECIDE,
        find: "rejected.generation >= session.generation",
        replace: "rejected.generation > 0",
      },
    ],
    test: MODEL,
    title: "P12 a 401 for an older generation",
  },
  {
    name: "a cool-down does not hold",
    law: "P18, F14",
    edits: [
      {
        file: DECIDE,
        find: "(cooling > 0 && cooling <= LONGEST_COOL_DOWN)",
        replace: "cooling === Infinity",
      },
    ],
    test: MODEL,
    title: "P5 P18 F14 an intent stands",
  },
  {
    name: "a 429 after an unknown outcome clears the intent",
    law: "P5",
    edits: [{ file: TRANSITIONS, find: "unprocessed && !intent.repeated", replace: "unprocessed" }],
    test: MODEL,
    title: "P5 P18 F14 an intent stands",
  },
  {
    name: "a 503 proves that nothing was processed",
    law: "P2, P5",
    edits: [
      {
        file: "src/engine/outcome.ts",
        find: "(status === 503 && safe503)",
        replace: "status === 503",
      },
    ],
    test: "test/unit/password.test.ts",
    title: "P2 otherwise not after a 503",
  },
  {
    name: "no shortest time between refreshes",
    law: "P15",
    edits: [{ file: DECIDE, find: "now >= renewedAt &&", replace: "now === Infinity &&" }],
    test: "test/unit/fetch.test.ts",
    title: "P13 a 401 soon after a refresh",
  },
  {
    name: "no breaker",
    law: "P13, F18",
    edits: [
      {
        file: DECIDE,
        find: "2 ** Math.min(strikes || 1, 7)",
        replace: "2 ** (1 + 0 * strikes)",
      },
    ],
    test: MODEL,
    title: "P13 F18 a server that always answers 401",
  },
  {
    name: "no patience",
    law: "P10",
    edits: [
      { file: ENGINE, find: "patience = 20_000,", replace: "patience: _," },
      {
        file: ENGINE,
        find: "export function createEngine(",
        replace: "const patience = 2 ** 31 - 1; export function createEngine(",
      },
    ],
    test: MODEL,
    title: "P10 F2 F4 F38 every call settles",
  },
  {
    name: "an exchange without its deadline",
    law: "P10",
    edits: [{ file: DECIDE, find: "EXCHANGE = 15_000", replace: "EXCHANGE = 150_000" }],
    test: MODEL,
    title: "P10 F2 F4 F38 every call settles",
  },
  {
    name: "no jitter in the soft time",
    law: "P18",
    edits: [
      {
        file: "src/engine/lifetime.ts",
        find: "0.75 + random * 0.05",
        replace: "0.75 + 0 * random",
      },
    ],
    test: MODEL,
    title: "P18 clients that signed in together",
  },
  {
    name: "each look makes an intent young again",
    law: "P10, step 3",
    edits: [
      { file: ENGINE, find: "if (seenId !== intent?.attemptId) {", replace: "if (intent) {" },
    ],
    test: REFRESH,
    title: "P10 F16 ends by this context's running time",
  },
  {
    name: "a listener that joins takes the news from the others",
    law: "law 6",
    edits: [
      {
        file: "src/vault.ts",
        find: "let known = snapshot();",
        replace: "let known = snapshot(); listeners.clear();",
      },
    ],
    test: "test/unit/snapshot.test.ts",
    title: "one that joins in the task of a change",
  },
  {
    name: "no jitter in the back-off",
    law: "P18, F14",
    edits: [
      { file: TRANSITIONS, find: "500 * 2 ** tries) * random", replace: "500 * 2 ** tries)" },
    ],
    test: REFRESH,
    title: "F14 the pauses between tries grow",
  },
  {
    name: "a reply without a refresh token wipes the stored one",
    law: "F23",
    edits: [
      {
        file: TRANSITIONS,
        find: "refreshToken ?? tokenSet.refreshToken",
        replace: "refreshToken",
      },
    ],
    test: "test/unit/password.test.ts",
    title: "F23",
  },
  {
    name: "an origin is judged by its beginning",
    law: "S1, law 4",
    edits: [{ file: "src/policy.ts", find: '.join("|")})/`', replace: '.join("|")})`' }],
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
    name: "a redirect takes the token to any origin",
    law: "S2, law 4",
    edits: [{ file: "src/redirect.ts", find: "if (policy(url.href)) hop.set", replace: "hop.set" }],
    test: "test/unit/redirect.test.ts",
    title: "S2 the token goes along on listed origins only",
  },
  {
    name: "a redirect of the token endpoint is followed",
    law: "S2",
    edits: [
      {
        file: "src/engine/token-request.ts",
        find: 'redirect: "manual"',
        replace: 'redirect: "follow"',
      },
    ],
    test: CONTRACTS,
    title: "S2 the token endpoint's redirect is refused",
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
    name: "an event shows the whole session",
    law: "S4, S7, law 5",
    edits: [
      {
        file: "src/vault.ts",
        find: "const event = type && {",
        replace: "const event = type && { ...(session as object),",
      },
    ],
    test: "test/unit/secrets.test.ts",
    title: "S4 S7 shows no secret",
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
    name: "a static token that was answered with 401 is sent again",
    law: "P9",
    edits: [{ file: ENGINE, find: "rejectedHere = rejected;", replace: "{}" }],
    test: "test/unit/static-token.test.ts",
    title: "P9 the application is asked once",
  },
  {
    name: "the server's time is not learned from its 401",
    law: "F16",
    edits: [{ file: ENGINE, find: "skew = need.date! - now();", replace: "skew = 0;" }],
    test: "test/unit/self-signed.test.ts",
    title: "F16 with a clock",
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
    name: "a firewall's 403 refuses",
    law: "P17",
    edits: [
      {
        file: "src/engine/outcome.ts",
        find: "status === 400 || status === 401",
        replace: "status >= 400 && status < 404",
      },
    ],
    test: "test/unit/providers/mint.test.ts",
    title: "sign_in_failed for 403",
  },
  {
    name: "a token that was found is taken for a fresh one",
    law: "F16",
    edits: [{ file: "src/engine/secrets.ts", find: "aged: true", replace: "aged: false" }],
    test: "test/unit/providers/static-token.test.ts",
    title: "F16 that is a JWT has aged",
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
    name: "a pasted space is trimmed",
    law: "S5",
    edits: [
      {
        file: "src/engine/secrets.ts",
        find: "if (isToken(secret, scheme)) return secret;",
        replace: "const kept = String(secret).trim(); if (isToken(kept, scheme)) return kept;",
      },
    ],
    test: "test/unit/providers/static-token.test.ts",
    title: "S4 S5 with a space behind",
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
  {
    name: "a long-lived secret in a page draws no warning",
    law: "S16",
    edits: [{ file: "src/engine/secrets.ts", find: "  warned.add(name);", replace: "  return;" }],
    test: "test/dom/secrets.test.ts",
    title: "S16 draws one warning",
  },
  {
    name: "a page that knows is warned all the same",
    law: "S16",
    edits: [
      { file: "src/engine/secrets.ts", find: "    dangerouslyAllowInBrowser ||\n", replace: "" },
    ],
    test: "test/dom/secrets.test.ts",
    title: "S16 is silent when",
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
    name: "an inherited fetch sends",
    law: "S15",
    edits: [{ file: FETCH, find: "Object.create(null)", replace: "{}" }],
    test: "test/unit/fetch.test.ts",
    title: "S15 an inherited one sends nothing",
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
  {
    name: "an isolate takes KV's older generation",
    law: "F33",
    edits: [
      {
        file: ISOLATE,
        find: "lease.generation >= token.generation));",
        replace: "true));",
      },
    ],
    test: "test/unit/cloudflare/memory.test.ts",
    title: "F33 KV's older generation",
  },
  {
    name: "KV brings an ended session back",
    law: "P4",
    edits: [{ file: ISOLATE, find: "revision > known.revision ||", replace: "true ||" }],
    test: "test/unit/cloudflare/memory.test.ts",
    title: "P4 after the end of a session",
  },
  {
    name: "an isolate's memory grows for ever",
    law: "S11",
    edits: [
      {
        file: ISOLATE,
        find: "all.size > most",
        replace: "all.size < 0",
      },
    ],
    test: "test/unit/cloudflare/memory.test.ts",
    title: "holds so many accounts",
  },
  {
    name: "an isolate forgets who came first, not who was not used for longest",
    law: "S11",
    edits: [{ file: ISOLATE, find: "    all.delete(key);\n", replace: "" }],
    test: "test/unit/cloudflare/memory.test.ts",
    title: "forgets the least recently used one",
  },
  {
    name: "KV never hears of a sign-out that it did not take at once",
    law: "P4",
    edits: [
      {
        file: OWNER,
        find: "deedNow()?.due\n          ? SOON",
        replace: "deedNow()\n          ? Infinity",
      },
    ],
    test: "test/unit/cloudflare/owner.test.ts",
    title: "P4 a sign-out is told again",
  },
  {
    name: "a storage that fails takes the alarm along",
    law: "P16",
    edits: [{ file: OWNER, find: "? SOON * 10", replace: "? Infinity" }],
    test: "test/unit/cloudflare/owner.test.ts",
    title: "P16 S4 that fails",
  },
  {
    name: "nothing holds an object while it refreshes in the background",
    law: "F31",
    edits: [
      {
        file: OWNER,
        find: "(promise) => ctx.waitUntil(promise),\n      }",
        replace: "() => {},\n      }",
      },
    ],
    test: "test/unit/cloudflare/owner.test.ts",
    title: "F31 a refresh in the background",
  },
  {
    name: "an alarm ends before it has set the next one",
    law: "F35",
    edits: [
      { file: OWNER, find: "retry in place.\n    await arm(one);", replace: "retry in place." },
    ],
    test: "test/unit/cloudflare/owner.test.ts",
    title: "F35 an alarm has set the next",
  },
  {
    name: "a worker gives its token for any URL",
    law: "S1, law 4",
    edits: [{ file: SERVE, find: "!isText(url) || !policy(url)", replace: "!isText(url)" }],
    test: WORKER,
    title: "S1 is given for listed URLs only",
  },
  {
    name: "a worker that isolates gives its token to whoever asks",
    law: "S7",
    edits: [{ file: SERVE, find: "!isolated || !/^", replace: "true || !/^" }],
    test: WORKER,
    title: "S7 under isolation gives no token",
  },
  {
    name: "a worker answers questions of any version",
    law: "S10",
    edits: [{ file: SERVE, find: 'question["tokenkeep"] !== VERSION', replace: "false" }],
    test: WORKER,
    title: "S10 of another version is told so",
  },
  {
    name: "nothing holds a service worker that refreshes",
    law: "F31, F39",
    edits: [{ file: "src/worker/hold.ts", find: "event.waitUntil(done);", replace: "" }],
    test: WORKER,
    title: "F31 P5 is held by the event",
  },
  {
    name: "a service worker refreshes though nothing holds it",
    law: "F39",
    edits: [{ file: SERVE, find: "!inServiceWorker || isHeld()", replace: "true" }],
    test: WORKER,
    title: "F39 begins no refresh that no event would hold",
  },
  {
    name: "a page sends whatever it is given for a token",
    law: "S5, S10",
    edits: [
      { file: "src/worker/narrow.ts", find: "isObject(value) &&", replace: "isObject(value) ||" },
    ],
    test: PAGE,
    title: "S5 S10 in place of a token is not sent",
  },
  {
    name: "an answer that was overtaken brings its state back",
    law: "F9",
    edits: [{ file: CONNECT, find: "if (one && one.seq > since) {", replace: "if (one) {" }],
    test: PAGE,
    title: "F9 answers that overtake each other",
  },
  {
    name: "a question of any length is read",
    law: "S10",
    edits: [{ file: SERVE, find: 'check(isText(args), "argument");', replace: "" }],
    test: WORKER,
    title: "S10 with too long arguments is refused",
  },
  {
    name: "an account of a page's may have any name",
    law: "S10, S11",
    edits: [{ file: SERVE, find: 'check(isAccount(name), "account");', replace: "" }],
    test: WORKER,
    title: "S10 with no account is refused",
  },
  {
    name: "one worker keeps any number of accounts",
    law: "S10, S11",
    edits: [{ file: SERVE, find: "accounts.size < MOST_ACCOUNTS", replace: "true" }],
    test: WORKER,
    title: "S10 S11 names one of a hundred accounts at most",
  },
  {
    name: "a page takes any time for a server's",
    law: "F16, S10",
    edits: [{ file: SERVE, find: "value > 0 && value < 8.64e15", replace: "true" }],
    test: WORKER,
    title: "F16 S10 is signed by the time of its 401",
  },
  {
    name: "a page does not tell the time of a 401",
    law: "F16",
    edits: [{ file: CONNECT, find: "generation, date }]", replace: "generation }]" }],
    test: "test/unit/worker/same.test.ts",
    title: "F16 with a clock",
  },
  {
    name: "tokens go to the page's own files",
    law: "S1",
    edits: [{ file: SERVE, find: "request.destination ||", replace: "" }],
    test: WORKER,
    title: "S1 S6 attaches tokens to what may have one",
  },
  {
    name: "a page that is not controlled goes on without a token",
    law: "S7",
    edits: [{ file: SERVE, find: "!pages.some(({ id }) => id === client)", replace: "false" }],
    test: WORKER,
    title: "S7 under isolation gives no token",
  },
  {
    name: "a page that gives up tells nobody",
    law: "P14",
    edits: [{ file: CONNECT, find: "port1.postMessage(0);", replace: "" }],
    test: PAGE,
    title: "P14 an abort reaches the worker",
  },
  {
    name: "a question that is given up is answered all the same",
    law: "P14",
    edits: [{ file: SERVE, find: "() => controller.abort()", replace: "() => {}" }],
    test: PAGE,
    title: "P14 an abort reaches the worker",
  },
  {
    name: "a page counts as controlled before it is",
    law: "S7",
    edits: [{ file: CONNECT, find: "if (isolated && !nav", replace: "if (false && !nav" }],
    test: PAGE,
    title: "S7 is there when the page is controlled",
  },
  {
    name: "a page believes a worker of another version",
    law: "S10",
    edits: [{ file: CONNECT, find: "said.tokenkeep === VERSION", replace: "true" }],
    test: PAGE,
    title: "P10 a worker that is updated to another version",
  },
  {
    name: "nothing stands in for a worker",
    law: "P10",
    edits: [{ file: CONNECT, find: "reach(fallback, limit)", replace: "reach(start, 0)" }],
    test: PAGE,
    title: "P10 a worker that is updated to another version",
  },
  {
    name: "a password is sent again to a worker that is silent",
    law: "S4, P10",
    edits: [{ file: CONNECT, find: 'if (type === "signIn") throw', replace: "if (false) throw" }],
    test: PAGE,
    title: "P10 any more leaves no call behind",
  },
  {
    name: "a closed page waits on",
    law: "P10",
    edits: [{ file: CONNECT, find: "lose(link, ended.signal.reason);", replace: "" }],
    test: PAGE,
    title: "P10 closed, it gives up what it asked",
  },
  {
    name: "a stream is sent again",
    law: "P11, F21",
    edits: [
      {
        file: "src/worker/send.ts",
        find: "body instanceof ReadableStream ? undefined : ",
        replace: "",
      },
    ],
    test: PAGE,
    title: "P11 F20 F21 sends a stream once",
  },
];

useOwnNode();
const started = performance.now();
const words = process.argv.slice(2);
const chosen = mutants.filter(
  ({ name }) => !words.length || words.some((word) => name.includes(word)),
);
const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-mutants-"));

try {
  for (const name of [
    "src",
    "test",
    "scripts",
    "package.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "vite.config.ts",
  ])
    cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"), "junction");

  let bad = 0;
  /** @type {Record<string, string>[]} */
  const rows = [];
  for (const mutant of chosen) {
    const since = performance.now();
    const verdict = await judge(mutant);
    if (verdict !== "killed") bad += 1;
    console.log(`${verdict.padEnd(20)} ${mutant.name} (${seconds(since)})`);
    rows.push({ mutant: mutant.name, law: mutant.law, "must turn red": mutant.title, verdict });
  }
  console.table(rows);
  console.log(`${rows.length - bad} of ${rows.length} mutants killed, in ${seconds(started)}`);
  process.exitCode = bad ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/**
 * Says "killed" only if the same schedules pass without the mutant.
 *
 * @param {Mutant} mutant
 */
async function judge({ edits, test, title }) {
  /** @type {Map<string, string>} */
  const before = new Map();
  try {
    for (const schedules of test === MODEL ? SCHEDULES : [0]) {
      if (await turnsRed(test, title, schedules)) return "RED WITHOUT IT";
      for (const { file, find, replace } of edits) {
        const target = path.join(folder, file);
        const text = existsSync(target) ? readFileSync(target, "utf8") : "";
        if (!text.includes(find)) return "NOT FOUND";
        if (!before.has(target)) before.set(target, text);
        // A function, so that nothing in the replacement is special.
        writeFileSync(
          target,
          text.replace(find, () => replace),
        );
      }
      if (await turnsRed(test, title, schedules)) return "killed";
      restore(before);
    }
    return "SURVIVED";
  } catch (error) {
    return String(error instanceof Error ? error.message : error);
  } finally {
    restore(before);
  }
}

/** @param {ReadonlyMap<string, string>} before */
function restore(before) {
  for (const [target, text] of before) writeFileSync(target, text);
}

/**
 * Whether the test of that title fails in the copy as it stands.
 *
 * @param {string} file
 * @param {string} title
 * @param {number} schedules
 */
async function turnsRed(file, title, schedules) {
  const report = path.join(folder, "report.json");
  rmSync(report, { force: true });
  const child = spawn(
    process.execPath,
    [
      "node_modules/vitest/vitest.mjs",
      "run",
      `--project=${file.startsWith("test/dom/") ? "dom" : "node"}`,
      "--reporter=json",
      `--outputFile=${report}`,
      file,
      `--testNamePattern=${title.replace(/[^\w ]/g, "\\$&")}`,
    ],
    {
      cwd: folder,
      stdio: "ignore",
      // The same seed with and without a mutant: what differs is the mutant.
      env: { TOKENKEEP_SEED: "1", ...process.env, TOKENKEEP_SCHEDULES: String(schedules) },
    },
  );
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  await new Promise((resolve, reject) => child.on("close", resolve).on("error", reject));
  clearTimeout(timer);
  // Nothing within that time: the test hangs or shrinks. Passing, it would have been done.
  if (child.signalCode) return true;
  /** @type {{ testResults: { assertionResults: { status: string, title: string }[] }[] }} */
  const { testResults } = JSON.parse(readFileSync(report, "utf8"));
  const ran = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter((test) => test.title.startsWith(title) && /passed|failed/.test(test.status));
  if (!ran.length) throw new Error("NO TEST RAN");
  return ran.some(({ status }) => status === "failed");
}
