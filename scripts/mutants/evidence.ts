/** Mutants of what endpoints have said, and of how 401s are judged by it: see `mutant.ts`. */
import type { Evidence } from "../../src/refresh/endpoints.ts";
import { type Mutant, type Wrap, wrapper } from "./mutant.ts";
import { ENDPOINTS, ENDPOINTS_EVIDENCE, ENDPOINTS_PAUSES, PLAN, PLAN_SIGHTS } from "./tests.ts";

const ofEndpoints = wrapper<typeof import("../../src/refresh/endpoints.ts")>(
  "src/refresh/endpoints.ts",
);

type Change = (evidence: Evidence) => Evidence;

const changed = (endpoints: ReadonlyMap<string, Evidence>, change: Change): Map<string, Evidence> =>
  new Map([...endpoints].map(([name, evidence]) => [name, change(evidence)]));

/** Changes what a 401 is judged by, or what comes of it. */
const judging = (before: Change, after: Change = (evidence) => evidence): Wrap =>
  ofEndpoints(
    "afterRejection",
    (original) => (endpoints, rejection) =>
      changed(original(changed(endpoints, before), rejection), after),
  );

const same: Change = (evidence) => evidence;

export const evidence: readonly Mutant[] = [
  {
    name: "an endpoint that never heals is not paused",
    law: "P13, F18",
    ...judging(same, ({ pause: _, rejected, ...one }) => ({
      ...one,
      rejected: rejected && { ...rejected, mayRefresh: true },
    })),
    test: ENDPOINTS_PAUSES,
    title: "that rejects its own generation within a minute of its commit",
  },
  {
    name: "pauses do not double",
    law: "P13, F42",
    ...judging(({ pause, ...one }) => ({
      ...one,
      pause: pause && { ...pause, length: 30_000 },
    })),
    test: ENDPOINTS_PAUSES,
    title: "doubles from a minute to an hour",
  },
  {
    name: "an endpoint that has healed stays paused",
    law: "P13, F42",
    ...ofEndpoints("afterPass", (original) => (endpoints, endpoint, pass) => {
      const next = new Map(original(endpoints, endpoint, pass));
      const { pause } = endpoints.get(endpoint) ?? {};
      const now = next.get(endpoint);
      return now ? next.set(endpoint, { ...now, pause }) : next;
    }),
    test: ENDPOINTS_PAUSES,
    title: "ends its pause by a generation newer",
  },
  {
    name: "an endpoint that has healed stays paused, over hours",
    law: "P13, F42",
    ...ofEndpoints("afterPass", (original) => (endpoints, endpoint, pass) => {
      const next = new Map(original(endpoints, endpoint, pass));
      const { pause } = endpoints.get(endpoint) ?? {};
      const now = next.get(endpoint);
      return now ? next.set(endpoint, { ...now, pause }) : next;
    }),
    test: ENDPOINTS,
    title: "that becomes good is healed by its own success",
  },
  {
    name: "an endpoint heals by a generation that is older than what it rejected",
    law: "P13",
    ...ofEndpoints("afterPass", (original) => (endpoints, endpoint, pass) => {
      const { generation = 0 } = endpoints.get(endpoint)?.rejected ?? {};
      return original(endpoints, endpoint, {
        ...pass,
        generation: Math.max(generation, pass.generation),
      });
    }),
    test: ENDPOINTS_PAUSES,
    title: "does not end it by what came before that",
  },
  {
    name: "any number of endpoints that never heal is remembered",
    law: "P13",
    ...ofEndpoints("afterRejection", (original) => (endpoints, rejection) => {
      const { endpoint } = rejection;
      const known = endpoints.get(endpoint);
      const alone = original(new Map(known ? [[endpoint, known]] : []), rejection);
      return new Map([...endpoints, ...alone]);
    }),
    test: ENDPOINTS_EVIDENCE,
    title: "strangers ask for one refresh a minute",
  },
  {
    name: "more than ten refreshes in ten minutes are ordinary",
    law: "P13",
    ...judging((one) => ({ ...one, began: one.began.slice(0, 1) })),
    test: ENDPOINTS_PAUSES,
    title: "that began more than ten refreshes in ten minutes",
  },
  {
    name: "what an endpoint's own refresh has brought about is no evidence",
    law: "P13",
    ...ofEndpoints(
      "afterRejection",
      (original) => (endpoints, rejection) => original(endpoints, { ...rejection, isOwn: false }),
    ),
    test: ENDPOINTS_PAUSES,
    title: "that rejects its own generation within a minute",
  },
  {
    name: "an endpoint that rejects two generations in a row is not seen",
    law: "P13",
    ...judging(({ rejected: _, ...one }) => one),
    test: ENDPOINTS_PAUSES,
    title: "that rejects two successive generations",
  },
  {
    name: "one endpoint that never heals holds the others back",
    law: "P13, F42",
    ...ofEndpoints(
      "isHeldBack",
      (original) => (endpoints, asked) =>
        [...endpoints.keys()].some((endpoint) => original(endpoints, { ...asked, endpoint })),
    ),
    test: ENDPOINTS_PAUSES,
    title: "holds back only its own endpoint",
  },
  {
    name: "a commit ends every pause",
    law: "P13, F42",
    ...ofEndpoints("afterCommit", () => () => new Map()),
    test: ENDPOINTS_PAUSES,
    title: "is remembered, and later forgotten",
  },
  {
    name: "a second 401 counts as an end though others are let through",
    law: "P2, step 8",
    ...ofEndpoints(
      "isSurelyOver",
      (original) =>
        (endpoints, ...rest) =>
          original(
            changed(endpoints, ({ passedAt: _, ...one }) => one),
            ...rest,
          ),
    ),
    test: ENDPOINTS_EVIDENCE,
    title: "not where another has let this generation through since",
  },
  {
    name: "a first 401 is as sure as a second",
    law: "P2, step 8",
    ...ofEndpoints(
      "isSurelyOver",
      (original) =>
        (endpoints, ...rest) =>
          original(
            changed(endpoints, ({ rejected, ...one }) => ({
              ...one,
              rejected: rejected && { ...rejected, isConfirmed: true },
            })),
            ...rest,
          ),
    ),
    test: ENDPOINTS_EVIDENCE,
    title: "at its second time, ten seconds after the first",
  },
  {
    name: "a 401 of long ago is an end for an endpoint that was not asked",
    law: "P2, step 8",
    ...ofEndpoints(
      "isSurelyOver",
      (original) => (endpoints, asked) =>
        original(
          changed(endpoints, ({ rejected, ...one }) => ({
            ...one,
            rejected: rejected && { ...rejected, lastAt: asked.at },
          })),
          asked,
        ),
    ),
    test: ENDPOINTS_EVIDENCE,
    title: "not by what was said a minute ago",
  },
  {
    name: "a paused endpoint's 401 is an end",
    law: "P2, step 8",
    ...ofEndpoints(
      "isSurelyOver",
      (original) =>
        (endpoints, ...rest) =>
          original(
            changed(endpoints, ({ pause: _, ...one }) => one),
            ...rest,
          ),
    ),
    test: ENDPOINTS_EVIDENCE,
    title: "not while its endpoint is paused",
  },
  {
    name: "after a refusal a paused endpoint's 401 ends the token for all",
    law: "P9, P13",
    ...ofEndpoints(
      "isRejected",
      (original) => (endpoints, generation) =>
        original(
          changed(endpoints, ({ pause: _, ...one }) => one),
          generation,
        ),
    ),
    test: PLAN,
    title: "after a refusal, a paused endpoint",
  },
  {
    name: "nobody is asked to tell of endpoints that let the token through",
    law: "P13",
    ...ofEndpoints("isInQuestion", () => () => false),
    test: PLAN_SIGHTS,
    title: "while an intent stands or an endpoint is in question",
  },
];
