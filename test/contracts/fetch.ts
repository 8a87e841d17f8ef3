/**
 * What `vault.fetch` must do in every runtime, against a real server on another origin. Wherever a
 * rule is "as fetch does it", plain `fetch` is asked the same, and the answers are compared.
 */
import { describe } from "vitest";
import { bodies } from "./fetch/bodies.ts";
import { cancelling } from "./fetch/cancelling.ts";
import { credentials } from "./fetch/credentials.ts";
import { healing } from "./fetch/healing.ts";
import { origins } from "./fetch/origins.ts";
import { presentations } from "./fetch/presentation.ts";
import { redirects } from "./fetch/redirects.ts";
import { requests } from "./fetch/requests.ts";
import { interceptors } from "./fetch/interceptors.ts";
import { limits } from "./fetch/limits.ts";
import { type FetchContract, stages } from "./fetch/stage.ts";
import { strangers } from "./fetch/other-hosts.ts";

export function fetchContract(contract: FetchContract): void {
  describe(`fetch contract${contract.title ?? ""}`, () => {
    const stage = stages(contract);
    bodies(stage);
    healing(stage);
    cancelling(stage);
    requests(stage);
    credentials(stage);
    presentations(stage);
    origins(stage);
    redirects(stage);
    strangers(stage);
    interceptors(stage);
    limits(stage);
  });
}
