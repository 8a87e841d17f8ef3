/** The object's way to a token endpoint. */
import { own } from "../guard/json.ts";
import type { Fetch } from "../types.ts";

/** Workers with a compatibility date before 2024-11-11 know no `cache`. Nothing caches a POST there. */
export function exchangeFetch(fetch_: Fetch | undefined): Fetch {
  let takesCache = true;
  try {
    void new Request("https://example.com", own<RequestInit>({ cache: "no-store" }));
  } catch {
    takesCache = false;
  }
  return (input, init) => {
    const { cache: _, ...older } = init ?? {};
    // The copy has no prototype, as the init of an exchange has none (S15).
    const sent = takesCache ? init : own(older);
    return fetch_ ? fetch_(input, sent) : fetch(input, sent);
  };
}
