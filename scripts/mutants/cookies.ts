/** Mutants of a session whose refresh token is a cookie: see `mutant.ts`. */
import { type Mutant, wrapper } from "./mutant.ts";

const ofJar = wrapper<typeof import("../../src/cookie/jar.ts")>("src/cookie/jar.ts");
const ofRequests = wrapper<typeof import("../../src/cookie/requests.ts")>("src/cookie/requests.ts");
const ofSeeking = wrapper<typeof import("../../src/cookie/seeking.ts")>("src/cookie/seeking.ts");

const PROVIDER = "test/unit/providers/cookie.test.ts";
const FINDING = "test/unit/providers/cookie-finding.test.ts";
const ORDER = "test/unit/providers/cookie-order.test.ts";

export const cookies: readonly Mutant[] = [
  {
    name: "nobody waits for who is at the cookie jar",
    law: "F103",
    ...ofJar("enter", (original) => (key, exchange, patience) => {
      const { context } = exchange;
      if (!context) return original(key, exchange, patience);
      const { store } = context;
      // Who is there is not seen, and not compared with.
      const blind = {
        ...store,
        async read(name: string) {
          const record = await store.read(name);
          return record && { ...record, attemptId: undefined };
        },
      };
      return original(key, { ...exchange, context: { ...context, store: blind } }, patience);
    }),
    test: ORDER,
    title: "one user's late refresh",
  },
  {
    name: "a cookie's owner is not looked at",
    law: "F103",
    ...ofRequests("askFor", (original) => async (...given) => {
      const asked = await original(...given);
      return { ...asked, subject: undefined };
    }),
    test: PROVIDER,
    title: "a refreshed token of another user",
  },
  {
    name: "a sign-out counts as heard of though nobody has heard",
    law: "S14",
    ...ofRequests("tellOfSignOut", (original) => async (...given) => {
      await original(...given);
      return true;
    }),
    test: ORDER,
    title: "goes before the next sign-in",
  },
  {
    name: "nobody looks for a cookie",
    law: "F29",
    ...ofSeeking("seeking", () => (engine) => engine),
    test: FINDING,
    title: "finds the cookie of a login outside",
  },
  {
    name: "trouble while a cookie is looked for is taken for its absence",
    law: "P17",
    ...ofRequests(
      "isNothing",
      () =>
        ({ type }) =>
          type !== "granted",
    ),
    test: FINDING,
    title: "while the server is in trouble",
  },
];
