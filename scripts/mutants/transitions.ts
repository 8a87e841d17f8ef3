/** Mutants of what becomes of a session, and of what a reply means: see `mutant.ts`. */
import type { Conclusion } from "../../src/refresh/transitions.ts";
import type { Session } from "../../src/types.ts";
import { type Mutant, type Wrap, wrapper } from "./mutant.ts";
import { CLOSING, TRANSITIONS } from "./tests.ts";

const ofTransitions = wrapper<typeof import("../../src/refresh/transitions.ts")>(
  "src/refresh/transitions.ts",
);
const ofTiming = wrapper<typeof import("../../src/refresh/timing.ts")>("src/refresh/timing.ts");
const ofOutcome = wrapper<typeof import("../../src/grant/outcome.ts")>("src/grant/outcome.ts");

/** Concludes from something else than what is there and what has happened. */
const concluding = (
  change: (current: Session, conclusion: Conclusion) => readonly [Session, Conclusion],
): Wrap =>
  ofTransitions(
    "concluded",
    (original) => (current, conclusion) => original(...change(current, conclusion)),
  );

const withIntent = (
  { intent, ...conclusion }: Conclusion,
  more: Partial<typeof intent>,
): Conclusion => ({
  ...conclusion,
  intent: { ...intent, ...more },
});

export const transitions: readonly Mutant[] = [
  {
    name: "what the server gave last is overwritten by what it gave before",
    law: "P6",
    ...concluding((current, conclusion) => [
      conclusion.got ? { ...current, attempt: conclusion.intent.attempt - 1 } : current,
      conclusion,
    ]),
    test: TRANSITIONS,
    title: "brings a grant that takes no later attempt's place",
  },
  {
    name: "a refusal or trouble of an attempt that was taken over counts",
    law: "P9, F33",
    ...concluding((current, conclusion) => [
      conclusion.got ? current : { ...current, intent: conclusion.intent },
      conclusion,
    ]),
    test: TRANSITIONS,
    title: "says nothing about the session by its refusal",
  },
  {
    name: "a 429 after an unknown outcome clears the intent",
    law: "P5",
    ...concluding((current, conclusion) => [current, withIntent(conclusion, { repeated: false })]),
    test: TRANSITIONS,
    title: "proves nothing of a token that was sent before",
  },
  {
    name: "a closed vault leaves an intent behind that it has not sent",
    law: "P10, P21",
    ...ofTransitions("concluded", (original) => (current, conclusion) => {
      const isUnsent = conclusion.outcome.type === "unsent";
      return isUnsent ? undefined : original(current, conclusion);
    }),
    test: CLOSING,
    title: "leaves no intent that others would wait for",
  },
  {
    name: "trouble of any kind clears the intent",
    law: "P2, P5",
    ...concluding((current, conclusion) => [
      current,
      conclusion.outcome.type === "trouble"
        ? { ...conclusion, outcome: { ...conclusion.outcome, unprocessed: true } }
        : conclusion,
    ]),
    test: TRANSITIONS,
    title: "leaves the outcome open, and sets a cool-down",
  },
  {
    name: "an exchange that is over without an answer does not say so",
    law: "step 7",
    ...ofTransitions("concluded", (original) => (current, conclusion) => {
      const next = original(current, conclusion);
      return next?.intent ? { ...next, intent: { ...next.intent, ended: undefined } } : next;
    }),
    test: TRANSITIONS,
    title: "leaves the outcome open, and sets a cool-down",
  },
  {
    name: "being offline puts all tabs to rest",
    law: "F55",
    ...concluding((current, conclusion) => [current, { ...conclusion, isOffline: false }]),
    test: "test/unit/refresh/trouble.test.ts",
    title: "online() that says no and a network that fails leave no cool-down to the others",
  },
  {
    name: "no jitter in the back-off",
    law: "P18, F14",
    ...concluding((current, conclusion) => [current, { ...conclusion, jitter: 1 }]),
    test: TRANSITIONS,
    title: "once more rests longer",
  },
  {
    name: "Retry-After is not honoured",
    law: "F14",
    ...concluding((current, conclusion) => [
      current,
      conclusion.outcome.type === "trouble"
        ? { ...conclusion, outcome: { ...conclusion.outcome, retryAfter: undefined } }
        : conclusion,
    ]),
    test: "test/unit/vault/refreshing.test.ts",
    title: "Retry-After is kept to",
  },
  {
    name: "a reply without a refresh token wipes the stored one",
    law: "F23",
    ...ofTransitions("concluded", (original) => (current, conclusion) => {
      const next = original(current, conclusion);
      const { refreshToken } = conclusion.got?.tokenSet ?? {};
      return next && conclusion.got
        ? { ...next, tokenSet: { ...next.tokenSet, refreshToken } }
        : next;
    }),
    test: "test/unit/providers/password.test.ts",
    title: "F23",
  },
  {
    name: "a takeover forgets when the token was first sent",
    law: "P2, F60",
    ...ofTransitions(
      "begun",
      (original) => (session, beginning) =>
        original(
          session.intent
            ? { ...session, intent: { ...session.intent, firstSentAt: beginning.now } }
            : session,
          beginning,
        ),
    ),
    test: TRANSITIONS,
    title: "that takes over keeps when the token was first sent",
  },
  {
    name: "a takeover does not say that the token was sent before",
    law: "P5, step 7",
    ...ofTransitions(
      "begun",
      (original) => (session, beginning) => original(session, { ...beginning, isUnsent: true }),
    ),
    test: TRANSITIONS,
    title: "that takes over keeps when the token was first sent",
  },
  {
    name: "nobody learns which endpoint asked for a generation",
    law: "P13",
    ...ofTransitions(
      "begun",
      (original) => (session, beginning) =>
        original(session, { ...beginning, causedBy: undefined }),
    ),
    test: TRANSITIONS,
    title: "says that the token was never sent before",
  },
  {
    name: "no jitter in the soft time",
    law: "P18",
    ...ofTiming("softTimeOf", (original) => (issuedAt, life) => original(issuedAt, life, 0)),
    test: "test/unit/grant/lifetime.test.ts",
    title: "the soft time is jittered",
  },
  {
    name: "a 503 proves that nothing was processed",
    law: "P2, P5",
    ...ofOutcome(
      "outcomeOf",
      (original) => (reply, rules) => original(reply, { ...rules, safe503: true }),
    ),
    test: "test/unit/providers/password.test.ts",
    title: "otherwise not after a 503",
  },
  {
    name: "a firewall's 403 refuses",
    law: "P17",
    ...ofOutcome(
      "outcomeOf",
      (original) => (reply, rules) =>
        original(reply.status === 403 ? { ...reply, status: 401 } : reply, rules),
    ),
    test: "test/unit/providers/mint.test.ts",
    title: "sign_in_failed for 403",
  },
];
