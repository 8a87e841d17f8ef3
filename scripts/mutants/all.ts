/** All mutants. */
import { changes } from "./changes.ts";
import { decisions } from "./decisions.ts";
import { evidence } from "./evidence.ts";
import { cloudflare } from "./cloudflare.ts";
import { cookies } from "./cookies.ts";
import { logins } from "./logins.ts";
import { model } from "./model.ts";
import type { Mutant } from "./mutant.ts";
import { node } from "./node.ts";
import { peers } from "./peers.ts";
import { providers } from "./providers.ts";
import { requests } from "./requests.ts";
import { shell } from "./shell.ts";
import { transitions } from "./transitions.ts";
import { vault } from "./vault.ts";
import { webhooks } from "./webhooks.ts";
import { worker } from "./worker.ts";

export const mutants: readonly Mutant[] = [
  ...decisions,
  ...evidence,
  ...transitions,
  ...changes,
  ...shell,
  ...peers,
  ...vault,
  ...requests,
  ...webhooks,
  ...providers,
  ...logins,
  ...cloudflare,
  ...cookies,
  ...worker,
  ...node,
  ...model,
];
