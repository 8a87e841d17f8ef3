/** The files of tests that mutants of several kinds must turn red. */

export const MODEL = "test/model/protocol.test.ts";
export const CONTRACTS = "test/runtimes/node.test.ts";
export const REFRESH = "test/unit/refresh.test.ts";
export const FETCH = "test/unit/fetch.test.ts";
export const ACCOUNTS = "test/unit/accounts.test.ts";
export const CLOCKS = "test/unit/refresh/clocks.test.ts";
export const CLOSING = "test/unit/refresh/closing.test.ts";
export const COLD = "test/unit/refresh/cold.test.ts";
export const DECIDE = "test/unit/refresh/decide.test.ts";
export const EARLY = "test/unit/refresh/early-ends.test.ts";
export const ENDPOINTS = "test/unit/refresh/endpoints.test.ts";
export const EVIDENCE = "test/unit/refresh/evidence.test.ts";
export const CHANGES = "test/unit/refresh/changes.test.ts";
export const FENCE = "test/unit/refresh/fence.test.ts";
export const KEEPING = "test/unit/refresh/keeping.test.ts";
export const LEFT = "test/unit/refresh/left-behind.test.ts";
export const LOCKLESS = "test/unit/refresh/lock-less.test.ts";
export const LAGGING = "test/unit/refresh/lagging-store.test.ts";
export const PATIENCE = "test/unit/refresh/patience.test.ts";
export const KNOWLEDGE = "test/unit/refresh/knowledge.test.ts";
export const PLAN = "test/unit/refresh/plan.test.ts";
export const RESEND = "test/unit/refresh/resend.test.ts";
export const SIGN_IN = "test/unit/refresh/sign-in.test.ts";
export const SIGN_OUT = "test/unit/refresh/sign-out.test.ts";
export const SLOW = "test/unit/refresh/slow-store.test.ts";
export const SPEND = "test/unit/refresh/spend.test.ts";
export const SIGNS = "test/unit/refresh/signs.test.ts";
export const LIMITS = "test/unit/refresh/limits.test.ts";
export const TRANSITIONS = "test/unit/refresh/transitions.test.ts";
export const TROUBLE = "test/unit/refresh/trouble.test.ts";

/** The title of one of the model's families. */
export const STRICT = "P2 P5 P8 F39 strict rotation";
