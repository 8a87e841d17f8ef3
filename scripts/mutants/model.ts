/** Mutants that the model sees too, each in one of its families: see `mutant.ts`. */
import { changes } from "./changes.ts";
import { decisions } from "./decisions.ts";
import { evidence } from "./evidence.ts";
import type { Mutant } from "./mutant.ts";
import { requests } from "./requests.ts";
import { shell } from "./shell.ts";
import { transitions } from "./transitions.ts";

/** By the mutant's name, how the family's title begins. */
const seen: Readonly<Record<string, string>> = {
  "a lost compare-and-set is taken for a won one":
    "a refresh and a sign-in end at once: who signed in is served",
  "a closed vault goes on with its pass, and with what comes of it":
    "a closed vault begins nothing and finishes what is under way",
  "a grant that comes late is dropped": "replies that come when their exchange has ended",
  "a limit that comes late after a freeze ends at once":
    "a reuse window is judged by running time, whatever clocks and stores do",
  "a read that was overtaken by an own write counts":
    "a store of seconds: what was read before a sign-in",
  "a resend crosses a session": "such a store, with every lock and channel, and all that users do",
  "a sign-out ends only the current session":
    "a sign-out ends every session that its context has had",
  "a window is judged by the wall clock alone":
    "a clock that is set back opens no reuse window again",
  "one endpoint that never heals holds the others back":
    "endpoints that always answer 401 neither fail nor delay others' requests",
  "the exchange gets a full 15 s instead of what is left": "waiters get a token after its commit",
  "no fence before sending":
    "locks that are frozen, taken away or missing change nothing but the waiting",
  "no second judgement in the sending task":
    "a store that needs more than a second each time: one call",
  "no jitter in the soft time": "clients that signed in together do not refresh in step",
};

export const model: readonly Mutant[] = [
  ...changes,
  ...decisions,
  ...evidence,
  ...requests,
  ...shell,
  ...transitions,
].flatMap((mutant) => {
  const title = seen[mutant.name];
  const name = `${mutant.name}, in the model`;
  return title === undefined
    ? []
    : [{ ...mutant, name, test: "test/model/protocol.test.ts", title }];
});
