/** Mutants of requests, redirects and the client of wretch: see `mutant.ts`. */
import type { AccessToken } from "../../src/types.ts";
import type { WretchOptions } from "wretch";
import { type Mutant, over, type Wrap, wrapper } from "./mutant.ts";
import { CONTRACTS, FETCH, PATIENCE, RESEND } from "./tests.ts";

const ofBody = wrapper<typeof import("../../src/request/body.ts")>("src/request/body.ts");
const ofFetch = wrapper<typeof import("../../src/request/fetch.ts")>("src/request/fetch.ts");
const ofRetry = wrapper<typeof import("../../src/request/retry.ts")>("src/request/retry.ts");
const ofInit = wrapper<typeof import("../../src/request/init.ts")>("src/request/init.ts");
const ofPlain = wrapper<typeof import("../../src/request/plain.ts")>("src/request/plain.ts");
const ofPolicy = wrapper<typeof import("../../src/request/policy.ts")>("src/request/policy.ts");
const ofPresentation = wrapper<typeof import("../../src/request/presentation.ts")>(
  "src/request/presentation.ts",
);
const ofRedirects = wrapper<typeof import("../../src/request/redirects.ts")>(
  "src/request/redirects.ts",
);
const ofUnauthorized = wrapper<typeof import("../../src/request/retryable.ts")>(
  "src/request/retryable.ts",
);
const ofWretch = wrapper<typeof import("../../src/wretch.ts")>("src/wretch.ts");

const PRESENTATION = "test/unit/request/presentation.test.ts";

/** The same token, which looks like another one when it is first looked at. */
function inDisguise(token: AccessToken): AccessToken {
  let looks = 0;
  return Object.defineProperty({ ...token }, "accessToken", {
    enumerable: true,
    get: () => (looks++ ? token.accessToken : `${token.accessToken}?`),
  });
}

/** Gives wretch's chain other options than the vault does. */
const chaining = (change: (init: WretchOptions) => WretchOptions): Wrap =>
  ofWretch(
    "vaultMiddleware",
    (original) => (vault) => (next) => original(vault)((url, init) => next(url, change(init))),
  );

export const requests: readonly Mutant[] = [
  {
    name: "an origin is judged by its beginning",
    law: "S1, law 4",
    ...ofPolicy("createPolicy", (original) => (provider, ...rest) => {
      const policy = original(provider, ...rest);
      const judge = (input: string): string | undefined =>
        policy(input) ??
        (provider.origins.some((origin) => input.startsWith(origin)) ? input : undefined);
      return Object.assign(judge, { unlisted: policy.unlisted });
    }),
    test: CONTRACTS,
    title: "not to",
  },
  {
    name: "a caller's own Authorization is overridden",
    law: "S6",
    ...ofInit("hasHeader", () => () => false),
    test: CONTRACTS,
    title: "a caller's own wins in every spelling",
  },
  {
    name: "a caller's Authorization switches the vault off beside another header",
    law: "S6",
    ...ofInit(
      "hasHeader",
      (original) => (headers, header) =>
        original(headers, header) || original(headers, "authorization"),
    ),
    test: CONTRACTS,
    title: "goes along with an Authorization of the caller's",
  },
  {
    name: "a token in a header of its own is followed by the runtime",
    law: "S2",
    ...ofFetch(
      "createFetch",
      (original) => (options) =>
        original({
          ...options,
          fetch: (input, init) => options.fetch(input, { ...init, redirect: "follow" }),
        }),
    ),
    test: PRESENTATION,
    title: "in the mode follow goes out in the mode error",
  },
  {
    name: "a scheme that no header can carry is taken",
    law: "S5",
    ...ofPresentation("presentationOf", (original) => (provider) => {
      try {
        return original(provider);
      } catch {
        return original({});
      }
    }),
    test: PRESENTATION,
    title: "is shown nowhere",
  },
  {
    name: "a body is not kept for the second send",
    law: "P11, F20",
    ...ofBody(
      "keepBody",
      (original) =>
        (...args) =>
          over(original(...args), { again: () => undefined }),
    ),
    test: CONTRACTS,
    title: "is sent again after a 401",
  },
  {
    name: "a 403 is treated like a 401",
    law: "F18, law 6",
    ...ofUnauthorized(
      "isHealable",
      (original) => (answer) =>
        original(answer) || (answer.isCarried && answer.response.status === 403),
    ),
    also: [
      ofRetry(
        "isPlain",
        (original) => (response, token) => response.status !== 403 && original(response, token),
      ),
    ],
    test: CONTRACTS,
    title: "403 without a challenge",
  },
  {
    name: "the token that was rejected is sent again",
    law: "F19",
    ...ofRetry("createRetry", (original) => (options) => {
      const { source } = options;
      return original({
        ...options,
        source: over(source, {
          async getToken(need) {
            const token = await source.getToken(need);
            return need?.rejected ? inDisguise(token) : token;
          },
        }),
      });
    }),
    test: FETCH,
    title: "the same token brought back",
  },
  {
    name: "a resend crosses a session",
    law: "F103",
    ...ofUnauthorized(
      "isNewer",
      () => (got, sent) => got.sessionId !== sent.sessionId || got.generation > sent.generation,
    ),
    test: RESEND,
    title: "a token source that answers with another session's token makes no resend",
  },
  {
    name: "what a call has waited for is forgotten at its second wait",
    law: "F51",
    ...ofRetry("createRetry", (original) => (options) => {
      const { source } = options;
      return original({
        ...options,
        source: over(source, {
          getToken: ({ waited: _, ...need } = {}) => source.getToken(need),
        }),
      });
    }),
    test: PATIENCE,
    title: "gets its 401 when one patience is over",
  },
  {
    name: "an inherited fetch sends",
    law: "S15",
    ...ofInit("readInit", (original) => (init) => {
      const inherited = (init as { fetch?: typeof fetch } | undefined)?.fetch;
      return { ...original(init), fetch: inherited };
    }),
    also: [ofPlain("readPlain", () => () => undefined)],
    test: FETCH,
    title: "an inherited one sends nothing",
  },
  {
    name: "a redirect takes the token to any origin",
    law: "S2, law 4",
    ...ofRedirects(
      "createFollow",
      (original) => (policy) =>
        original(Object.assign((url: string) => url, { unlisted: policy.unlisted })),
    ),
    test: CONTRACTS,
    title: "to an unlisted origin goes without the token",
  },
  {
    name: "a POST leaves again at an outer retry",
    law: "P11",
    ...ofWretch(
      "vaultMiddleware",
      (original) => (vault) => (next) => (url, options) => original(vault)(next)(url, options),
    ),
    test: CONTRACTS,
    title: "a POST that is answered 503, retry",
  },
  {
    name: "a POST leaves again at an inner retry",
    law: "P11",
    ...chaining((init) => Object.assign(init, { headers: { ...(init.headers as object) } })),
    test: CONTRACTS,
    title: "a POST that is answered 503, retry",
  },
  {
    name: "another account's reply is taken",
    law: "S11",
    ...chaining((init) => Object.assign(init, { headers: { ...(init.headers as object) } })),
    test: CONTRACTS,
    title: "one dedupe of everything for two accounts",
  },
  {
    name: "dedupe and caches stay on behind the vault",
    law: "S11",
    ...chaining((init) => Object.assign(init, { skipDedupe: false, skipCache: false })),
    test: CONTRACTS,
    title: "one dedupe for two accounts",
  },
  {
    name: "the addon goes last",
    law: "S11",
    ...ofWretch("vaultAddon", (original) => (vault) => {
      const addon = original(vault);
      return over(addon, {
        beforeRequest(wretch, ...rest) {
          const made = addon.beforeRequest?.(wretch, ...rest) ?? wretch;
          const [first, ...others] = made._middlewares;
          return wretch.middlewares(first ? [...others, first] : others, true);
        },
      });
    }),
    test: CONTRACTS,
    title: "one dedupe for two accounts",
  },
  {
    name: "wretch's chain is not used",
    law: "P11",
    ...ofWretch(
      "vaultMiddleware",
      (original) => (vault) =>
        original(
          over(vault, {
            fetch: (url, { fetch: _, ...init }) =>
              vault.fetch(url, init as typeof init & { fetch: typeof fetch }),
          }),
        ),
    ),
    test: CONTRACTS,
    title: "progress of what is sent",
  },
  {
    name: "a caller's own Authorization is guarded, too",
    law: "S6",
    ...ofWretch("vaultMiddleware", (original) => (vault) => (next) => {
      const made = original(vault)(next);
      return (url, options) => {
        const { headers } = options;
        let looks = 0;
        // Seen when the call is made, and not when it is sent.
        const once = Object.defineProperty({ ...options }, "headers", {
          enumerable: true,
          get: () => (looks++ ? {} : headers),
        });
        return made(url, once);
      };
    }),
    test: CONTRACTS,
    title: "a caller's own Authorization wins",
  },
];
