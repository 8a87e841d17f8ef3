/** A session for tests of what is decided, and of what becomes of it. */
import type { Session } from "../../src/types.ts";

export const START = 1_800_000_000_000;

/** The third token set of a session, with an hour to live. */
export const session: Session = {
  sessionId: "s",
  startedAt: START,
  generation: 3,
  revision: 7,
  attempt: 2,
  issuedAt: START,
  tokenSet: { accessToken: "a3", refreshToken: "r3", expiresAt: START + 3_600_000 },
};
