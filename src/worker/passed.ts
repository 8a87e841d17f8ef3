/** Which endpoints have let a token through, as a page knows it: its worker is told with the next 401. */
import type { Answer } from "../request/contract.ts";
import { isPassed } from "../request/retryable.ts";
import type { TokenName } from "../types.ts";

/** How many endpoints are remembered. */
const MOST = 256;

type Target = Pick<Request, "method" | "url">;

/** The generation that each endpoint has let through last. */
export interface Passed {
  note(answer: Answer, token: TokenName, target: Target): void;
  last(token: TokenName, target: Target): number | undefined;
}

export function createPassed(): Passed {
  const generations = new Map<string, number>();
  const keyOf = ({ sessionId }: TokenName, { method, url }: Target): string =>
    [sessionId, method, url.replace(/[?#].*/, "")].join();
  return {
    note(answer, token, target) {
      if (!isPassed(answer)) return;
      if (generations.size >= MOST) generations.clear();
      generations.set(keyOf(token, target), token.generation);
    },
    last: (token, target) => generations.get(keyOf(token, target)),
  };
}
