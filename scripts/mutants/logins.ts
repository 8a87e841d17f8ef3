/** Mutants of the logins that applications write, and of the profile: see `mutant.ts`. */
import { type Mutant, wrapper } from "./mutant.ts";

const ofCall = wrapper<typeof import("../../src/grant/call.ts")>("src/grant/call.ts");
const ofMint = wrapper<typeof import("../../src/providers/mint.ts")>("src/providers/mint.ts");
const ofOutcome = wrapper<typeof import("../../src/grant/outcome.ts")>("src/grant/outcome.ts");
const ofProfile = wrapper<typeof import("../../src/guard/profile.ts")>("src/guard/profile.ts");
const ofJson = wrapper<typeof import("../../src/guard/json.ts")>("src/guard/json.ts");
const ofTransitions = wrapper<typeof import("../../src/refresh/transitions.ts")>(
  "src/refresh/transitions.ts",
);

const ofFinder = wrapper<typeof import("../../src/grant/oauth-finder.ts")>(
  "src/grant/oauth-finder.ts",
);
const ofOAuth = wrapper<typeof import("../../src/grant/oauth.ts")>("src/grant/oauth.ts");

const OAUTH2 = "test/unit/providers/oauth2.test.ts";
const OAUTH2_ATTACKS = "test/unit/providers/oauth2-attacks.test.ts";
const PROFILE = "test/unit/vault/shown-profile.test.ts";
const REQUESTS = "test/unit/providers/password-requests.test.ts";

export const logins: readonly Mutant[] = [
  {
    name: "an ID token's signature is not checked",
    law: "S12",
    ...ofOAuth("withKeys", (original) => (find) => original(find, false)),
    test: OAUTH2_ATTACKS,
    title: "a forged signature signs nobody in",
  },
  {
    name: "a login's look-ups have no more time than a refresh's",
    law: "P10",
    ...ofFinder("briefly", (original) => (exchange, ask) => original(exchange, ask)),
    test: OAUTH2,
    title: "takes nine seconds signs in all the same",
  },
  {
    name: "a look-up that fails may have spent the code",
    law: "P8",
    ...ofFinder("withFound", (original) => async (...args) => {
      const outcome = await original(...args);
      return outcome.type === "trouble" ? { ...outcome, unprocessed: false } : outcome;
    }),
    test: OAUTH2,
    title: "has time for the request no more: nothing is spent",
  },
  {
    name: "a refresh without a profile forgets the profile",
    law: "F23",
    ...ofTransitions("concluded", (original) => (current, conclusion) => {
      const next = original(current, conclusion);
      return next && conclusion.got ? { ...next, profile: conclusion.got.profile } : next;
    }),
    test: PROFILE,
    title: "the profile is kept",
  },
  {
    name: "a refresh with a profile keeps the old one",
    law: "F23",
    ...ofTransitions("concluded", (original) => (current, conclusion) => {
      const next = original(current, conclusion);
      return next && { ...next, profile: current.profile };
    }),
    test: PROFILE,
    title: "replaced where it brings one",
  },
  {
    name: "a profile may hold a token",
    law: "S4, S7",
    ...ofOutcome("narrowGrant", (original) => (given) => {
      const grant = original(given);
      return typeof grant === "object" ? { ...grant, profile: given.profile } : grant;
    }),
    // A reply's grant is narrowed twice: as a reply, and as what a provider gives.
    also: [
      ofOutcome("outcomeOf", (original) => (reply, rules) => {
        const outcome = original(reply, rules);
        if (outcome.type !== "granted" || !reply.body) return outcome;
        const { profile } = rules.read(reply.body, reply);
        return { ...outcome, grant: { ...outcome.grant, profile } };
      }),
    ],
    test: PROFILE,
    title: "that holds a token is left out",
  },
  {
    name: "a profile may be as long as it likes",
    law: "S10",
    ...ofProfile("profileIn", () => (value) => value as ReturnType<typeof JSON.parse>),
    test: PROFILE,
    title: "too long",
  },
  {
    name: "a profile can be changed",
    law: "S10",
    ...ofJson("bareAndFrozen", () => (_, value) => value),
    test: PROFILE,
    title: "frozen and without a prototype",
  },
  {
    name: "a page's profile can be changed",
    law: "S10, S15",
    ...ofJson("bareAndFrozen", () => (_, value) => value),
    test: "test/unit/worker/page-profile.test.ts",
    title: "as in the worker",
  },
  {
    name: "a body that JSON loses is sent as nothing",
    law: "F87",
    ...ofCall("requestOf", (original) => (url, call, headers) => {
      try {
        return original(url, call, headers);
      } catch {
        return original(url, { body: {} }, headers);
      }
    }),
    test: REQUESTS,
    title: "unsendable_body: a sign-in says so",
  },
  {
    name: "a request that could not be written has spent the refresh token",
    law: "P2",
    ...ofCall("askBy", (original) => async (...given) => {
      const outcome = await original(...given);
      return outcome.type === "trouble" ? { ...outcome, unprocessed: false } : outcome;
    }),
    test: "test/unit/grant/call.test.ts",
    title: "nothing is spent",
  },
  {
    name: "the client's secret is not form-encoded before it is joined",
    law: "F87",
    ...ofMint("clientSecretBasic", (original) => (credentials) => ({
      ...original(credentials),
      headers: { authorization: `Basic ${btoa(`${credentials.clientId}:secret`)}` },
    })),
    test: "test/unit/providers/client-credentials.test.ts",
    title: "form-encoded before they are joined",
  },
];
