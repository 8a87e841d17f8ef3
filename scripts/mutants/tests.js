/** The tests that mutants of several kinds must turn red. */

export const MODEL = "test/model/protocol.test.ts";
export const CONTRACTS = "test/runtimes/node.test.ts";
export const REFRESH = "test/unit/refresh.test.ts";

/** The title of one of the model's families. */
export const STRICT = "P2 P5 P8 F39 strict rotation";
