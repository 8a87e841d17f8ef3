/** What goes wrong on purpose: failures, lost replies and late ones, for the next calls of a kind. */
import { deferred } from "../guard/deferred.ts";
import type { Clock } from "../types.ts";

/** Which calls of a fake API: those to its endpoints for tokens, and all others. */
export type FakeCall = "sign-in" | "refresh" | "revoke" | "request";

/** Which of the next calls a fault meets. */
export interface FaultAim {
  /** `"refresh"` by default. */
  readonly on?: FakeCall;
  /** How many calls, from the next one on; 1 by default, `Infinity` for all. */
  readonly times?: number;
}

/** A reply in place of the API's own. Nothing is processed. */
export interface Failure extends FaultAim {
  /** 503 by default. */
  readonly status?: number;
  /** Seconds, as `Retry-After` tells them; none by default. */
  readonly retryAfter?: number;
}

/** A reply that is held back. */
export interface HeldReply {
  /** Settles when a call has been processed and its reply is held. */
  readonly arrived: Promise<void>;
  /** Lets the reply go. */
  release(): void;
}

/** The ways in which a fake API fails on purpose. */
export interface FaultControls {
  /** The next calls fail, and nothing is processed. */
  fail(failure?: Failure): void;
  /** The next calls are processed, tokens rotate, and the reply is lost: `fetch` rejects as for a broken network. */
  loseReply(aim?: FaultAim): void;
  /** The next replies come `ms` milliseconds late, by the API's clock. */
  delay(ms: number, aim?: FaultAim): void;
  /** Holds the next call's reply back until it is released. */
  hold(on?: FakeCall): HeldReply;
}

/** Applies one fault to one call, whose own reply `answer` makes. */
type Fault = (answer: () => Promise<Response>) => Promise<Response>;

export interface Faults extends FaultControls {
  /** Answers a call, with the fault that is next in turn for its kind. */
  meet(kind: FakeCall, answer: () => Promise<Response>): Promise<Response>;
}

const lost = new WeakSet<TypeError>();

/** What `fetch` rejects with where no reply comes. */
export function networkError(message: string): TypeError {
  const error = new TypeError(message);
  lost.add(error);
  return error;
}

/** Whether it is one of these on purpose, and no fault of the test's own `answer` or `write`. */
export const isNetworkError = (error: unknown): boolean =>
  error instanceof TypeError && lost.has(error);

export function createFaults(clock: Pick<Clock, "setTimeout">): Faults {
  const planned: { readonly on: FakeCall; left: number; readonly fault: Fault }[] = [];

  function plan({ on = "refresh", times = 1 }: FaultAim, fault: Fault): void {
    planned.push({ on, left: times, fault });
  }

  return {
    async meet(kind, answer) {
      const next = planned.find(({ on, left }) => on === kind && left > 0);
      if (!next) return answer();
      next.left -= 1;
      return next.fault(answer);
    },
    fail({ status = 503, retryAfter, ...aim } = {}) {
      const headers = retryAfter === undefined ? {} : { "retry-after": String(retryAfter) };
      const body = { error: "failed_on_purpose" };
      plan(aim, async () => Response.json(body, { status, headers }));
    },
    loseReply(aim = {}) {
      plan(aim, async (answer) => {
        await answer();
        throw networkError("Failed to fetch: the fake API has lost this reply on purpose");
      });
    },
    delay(ms, aim = {}) {
      plan(aim, async (answer) => {
        const response = await answer();
        await new Promise<void>((resolve) => clock.setTimeout(resolve, ms));
        return response;
      });
    },
    hold(on = "refresh") {
      const [arrived, released] = [signal(), signal()];
      plan({ on }, async (answer) => {
        const response = await answer();
        arrived.send();
        await released.sent;
        return response;
      });
      return { arrived: arrived.sent, release: released.send };
    },
  };
}

function signal(): { readonly sent: Promise<void>; send(): void } {
  const { done, settle } = deferred();
  return { sent: done, send: settle };
}
