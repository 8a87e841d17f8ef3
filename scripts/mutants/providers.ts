/** Mutants of providers, and how they ask: see `mutant.ts`. */
import type { Outcome } from "../../src/types.ts";
import { type Mutant, over, wrapper } from "./mutant.ts";
import { CONTRACTS } from "./tests.ts";

const ofArtos = wrapper<typeof import("../../src/providers/artos.ts")>("src/providers/artos.ts");
const ofExchange =
  wrapper<typeof import("../../src/refresh/exchange.ts")>("src/refresh/exchange.ts");
const ofAuth0 = wrapper<typeof import("../../src/providers/auth0.ts")>("src/providers/auth0.ts");
const ofGithub = wrapper<typeof import("../../src/providers/github.ts")>("src/providers/github.ts");
const ofGoogle = wrapper<typeof import("../../src/providers/google.ts")>("src/providers/google.ts");
const ofSupabase = wrapper<typeof import("../../src/providers/supabase.ts")>(
  "src/providers/supabase.ts",
);
const ofMint = wrapper<typeof import("../../src/providers/mint.ts")>("src/providers/mint.ts");
const ofQovery = wrapper<typeof import("../../src/providers/qovery.ts")>("src/providers/qovery.ts");
const ofSecrets = wrapper<typeof import("../../src/grant/secrets.ts")>("src/grant/secrets.ts");
const ofSelfSigned = wrapper<typeof import("../../src/providers/self-signed.ts")>(
  "src/providers/self-signed.ts",
);
const ofStatic = wrapper<typeof import("../../src/providers/static-token.ts")>(
  "src/providers/static-token.ts",
);

const STATIC = "test/unit/providers/static-token.test.ts";
const SELF_SIGNED = "test/unit/providers/self-signed.test.ts";
const MINT = "test/unit/providers/mint.test.ts";
const OAUTH = "test/unit/providers/oauth-presets.test.ts";

/** Runs a task while keys are imported otherwise. */
async function importing<T>(extractable: boolean, task: () => Promise<T>): Promise<T> {
  const { subtle } = crypto;
  const real = subtle.importKey;
  Object.assign(subtle, {
    importKey: (format: never, bytes: never, algorithm: never, _: boolean, uses: never) =>
      real.call(subtle, format, bytes, algorithm, extractable, uses),
  });
  try {
    return await task();
  } finally {
    Object.assign(subtle, { importKey: real });
  }
}

export const providers: readonly Mutant[] = [
  {
    name: "Auth0's sessions for two APIs are one",
    law: "S11",
    ...ofAuth0("auth0", (original) => (options) => over(original(options), { partition: ["one"] })),
    test: OAUTH,
    title: "keeps two APIs' sessions apart",
  },
  {
    name: "GitHub's error with status 200 refuses by its status",
    law: "P17",
    ...ofGithub(
      "github",
      (original) => (options) => original({ isRefusal: ({ status }) => status >= 400, ...options }),
    ),
    test: OAUTH,
    title: "an error with status 200 refuses",
  },
  {
    name: "Google's login asks for no consent",
    law: "Google's refresh token that comes once",
    ...ofGoogle("googleClient", (original) => (options) => {
      const { prompt: _, ...parameters } = original(options).parameters ?? {};
      return { ...original(options), parameters };
    }),
    test: OAUTH,
    title: "asks for consent",
  },
  {
    name: "the 401 of Supabase's gateway ends the session",
    law: "P17",
    ...ofSupabase(
      "supabase",
      (original) => (options) => original({ isRefusal: ({ status }) => status < 500, ...options }),
    ),
    test: "test/unit/providers/supabase.test.ts",
    title: "the gateway's 401 about the key",
  },
  {
    name: "a redirect of the token endpoint is followed",
    law: "S2",
    ...ofExchange(
      "createExchanges",
      (original) => (parts) =>
        original({
          ...parts,
          send: (input, init) => parts.send(input, { ...init, redirect: "follow" }),
        }),
    ),
    test: CONTRACTS,
    title: "the token endpoint's redirect is refused",
  },
  {
    name: "Qovery's token is sent as Bearer",
    law: "table of the five APIs",
    ...ofQovery("qovery", (original) => (options) => over(original(options), { scheme: "Bearer" })),
    test: "test/unit/providers/five-presets.test.ts",
    title: "sends the auth-scheme Token",
  },
  {
    name: "Artos' public path gets the token",
    law: "S1, law 4",
    ...ofArtos("artos", (original) => (options) => {
      const provider = original(options);
      const paths = provider.publicPaths ?? [];
      return over(provider, { publicPaths: paths.filter((path) => !path.endsWith("/status")) });
    }),
    test: "test/unit/providers/presets.test.ts",
    title: "the call that mints",
  },
  {
    name: "a status alone refuses Artos' user id",
    law: "P17",
    ...ofArtos("artos", (original) => (options) => original({ isRefusal: () => true, ...options })),
    test: MINT,
    title: "artos: trouble for 401",
  },
  {
    name: "a token that was found is taken for a fresh one",
    law: "F16",
    ...ofSecrets("asFound", (original) => (token) => {
      const { type, grant } = original(token);
      return { type, grant: { ...grant, aged: false } };
    }),
    test: STATIC,
    title: "that is a JWT has aged",
  },
  {
    name: "a pasted space is trimmed",
    law: "S5",
    ...ofSecrets(
      "secretOf",
      (original) =>
        (secret, ...rest) =>
          original(typeof secret === "string" ? secret.trim() : secret, ...rest),
    ),
    test: STATIC,
    title: "with a space behind",
  },
  {
    name: "a long-lived secret in a page draws no warning",
    law: "S16",
    ...ofSecrets("warnInBrowser", () => () => {}),
    test: "test/dom/secrets.test.ts",
    title: "draws one warning",
  },
  {
    name: "a page that knows is warned all the same",
    law: "S16",
    ...ofSecrets(
      "warnInBrowser",
      (original) => (options) => original({ ...options, dangerouslyAllowInBrowser: false }),
    ),
    test: "test/dom/secrets.test.ts",
    title: "is silent when",
  },
  {
    name: "a token without its credentials asks the endpoint to mint",
    law: "P9",
    ...ofMint(
      "mint",
      (original) =>
        <Credentials>(options: Parameters<typeof original<Credentials>>[0]) => {
          const provider = original<Credentials>(options);
          return over(provider, {
            renewal: { ...provider.renewal, rotation: "none", needsMaterial: false },
            renew: async ({ material = null, ...rest }, exchange) =>
              (await provider.renew?.({ material, ...rest }, exchange)) as Outcome,
          });
        },
    ),
    test: MINT,
    title: "serves to its end",
  },
  {
    name: "the environment stands on the provider",
    law: "S7",
    ...ofStatic("staticToken", (original) => (options) => ({ ...options, ...original(options) })),
    test: STATIC,
    title: "does not hold the environment",
  },
  {
    name: "the key that signs can be exported",
    law: "S8",
    ...ofSelfSigned(
      "selfSigned",
      (original) =>
        <Credentials>(options: Parameters<typeof original<Credentials>>[0]) => {
          const provider = original<Credentials>(options);
          return over(provider, {
            signIn: (credentials, exchange) =>
              importing(
                true,
                async () => (await provider.signIn?.(credentials, exchange)) as Outcome,
              ),
          });
        },
    ),
    test: SELF_SIGNED,
    title: "is imported",
  },
  {
    name: "the environment's key is stored with the session",
    law: "S7",
    ...ofSelfSigned(
      "selfSigned",
      (original) =>
        <Credentials>(options: Parameters<typeof original<Credentials>>[0]) => {
          const provider = original<Credentials>(options);
          const apiKey = options.env?.[options.variable ?? ""];
          return over(provider, {
            async signIn(credentials, exchange) {
              const outcome = (await provider.signIn?.(credentials, exchange)) as Outcome;
              if (outcome.type !== "granted") return outcome;
              return {
                ...outcome,
                grant: { ...outcome.grant, material: { ...credentials, apiKey } },
              };
            },
          });
        },
    ),
    test: SELF_SIGNED,
    title: "of the environment is read",
  },
  {
    name: "an error of jose is handed on",
    law: "S4",
    ...ofSelfSigned(
      "selfSigned",
      (original) =>
        <Credentials>(options: Parameters<typeof original<Credentials>>[0]) => {
          const provider = original<Credentials>(options);
          return over(provider, {
            async signIn(credentials, exchange) {
              const outcome = (await provider.signIn?.(credentials, exchange)) as Outcome;
              // As jose says it: with the claims.
              if (outcome.type === "trouble")
                throw new TypeError("claims", { cause: options.claims(credentials) });
              return outcome;
            },
          });
        },
    ),
    test: SELF_SIGNED,
    title: "claims that are no JSON",
  },
];
