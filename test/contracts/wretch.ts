/** The vault under wretch, against a real server, in each runtime that wretch is used in. */
import { stages } from "./fetch/stage.ts";
import { addons } from "./wretch/addons.ts";
import { calls } from "./wretch/calls.ts";
import { accounts, retries } from "./wretch/middlewares.ts";
import { presentations } from "./wretch/headers.ts";
import type { WretchContract } from "./wretch/chains.ts";

export function wretchContract(contract: WretchContract): void {
  const stage = { ...stages(contract), timings: contract.timings };
  calls(stage);
  addons(stage);
  retries(stage);
  accounts(stage);
  presentations(stage);
}
