/** A `fetch` is called as a function: a Worker's own throws "Illegal invocation" as a method of anything. */
import { describe, expect, it } from "vitest";
import type { Fetch } from "../../../src/index.ts";
import { ORIGIN, reply } from "../../support/fake-api.ts";
import { bench, signedIn, VMS } from "../../support/vault.ts";

/** Notes its `this`, and sends on. */
function noting(send: Fetch): { readonly fetch: Fetch; readonly seen: unknown[] } {
  const seen: unknown[] = [];
  return {
    seen,
    fetch(this: unknown, input, init) {
      seen.push(this);
      return send(input, init);
    },
  };
}

const times = (count: number): undefined[] => Array.from({ length: count }, () => undefined);

describe.each(["the vault's", "the call's"])("%s fetch", (whose) => {
  it("has no this, at any hop, at a second send, and without a token [S2 P11]", async () => {
    const { api } = bench();
    const { fetch, seen } = noting(api.fetch);
    const isVaults = whose === "the vault's";
    const { vault } = await signedIn({ api, fetch: isVaults ? fetch : api.fetch });
    const init = isVaults ? {} : { fetch };
    seen.length = 0;

    const left = [302, 302];
    api.api = () => {
      const status = left.shift();
      return status
        ? new Response(null, { status, headers: { location: "/next" } })
        : reply(200, {});
    };
    expect((await vault.fetch(VMS, init)).redirected).toBe(true);
    expect(seen).toEqual(times(3));

    const statuses = [401];
    api.api = () => reply(statuses.shift() ?? 200, {});
    expect((await vault.fetch(new Request(VMS), init)).status).toBe(200);
    await vault.fetch("https://other.test/", init);
    await vault.fetch(`${ORIGIN}/x`, { ...init, method: "POST", body: "text" });
    expect(new Set(seen)).toEqual(new Set([undefined]));
    expect(seen.length).toBeGreaterThan(6);
  });
});
