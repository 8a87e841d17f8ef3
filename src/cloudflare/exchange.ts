/** The object's way to a token endpoint. */
import { isSecure } from "../policy.ts";
import type { VaultOptions } from "../types.ts";
import { check } from "./wire.ts";

/** A mechanism's own URLs are held to the same rule as the origins: no secret over plain http (S3). */
export function exchangeFetch(
  settings: Pick<VaultOptions, "dangerouslyAllowLoopbackHttp" | "fetch">,
): typeof fetch {
  const { fetch: fetch_, dangerouslyAllowLoopbackHttp } = settings;
  let takesCache = true;
  try {
    void new Request("https://example.com", { cache: "no-store" });
  } catch {
    // Workers with a compatibility date before 2024-11-11. Nothing caches a POST there either.
    takesCache = false;
  }
  return (input, init) => {
    check(
      isSecure(new URL(String(input)), dangerouslyAllowLoopbackHttp),
      "The provider's token endpoint must be https",
    );
    const { cache: _, ...older } = init ?? {};
    const sent = takesCache ? init : older;
    return fetch_ ? fetch_(input, sent) : fetch(input, sent);
  };
}
