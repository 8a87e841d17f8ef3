/** What SECURITY.md says is so. */
import { describe, expect, it, vi } from "vitest";
import { createVault } from "../../src/index.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { read } from "./pages.ts";

it("SECURITY.md says first what sealing does not do [S9]", () => {
  const [section = ""] = read("SECURITY.md")
    .split("## What sealing does not do")[1]!
    .split("\n## ");
  expect(section).toMatch(/stolen disk.*gives everything away/i);
  expect(section).toMatch(/script in the page.*is not stopped/i);
});

describe("SECURITY.md on a replaced fetch", () => {
  const VMS = "https://api.vmcloud.com/v1/vms";
  const adopted = { accessToken: "access-1", refreshToken: "refresh-1" };
  /** What is sent, as a script would see it that takes the place of `fetch`. */
  function spy(): { readonly seen: string[]; readonly fetch: typeof fetch } {
    const seen: string[] = [];
    return {
      seen,
      async fetch(input, init) {
        const request = new Request(input, init);
        seen.push(`${request.headers.get("authorization")} ${await request.text()}`);
        return new Response(null, { status: request.url === VMS ? 401 : 500 });
      },
    };
  }

  it("one that comes after the vault sees access token and refresh token", async () => {
    const vault = createVault({ provider: vmcloud(), store: memoryStore(), patience: 50 });
    const { seen, fetch } = spy();
    vi.stubGlobal("fetch", fetch);
    await vault.adopt(adopted);
    await vault.fetch(VMS);
    vi.unstubAllGlobals();
    expect(seen[0]).toContain("Bearer access-1");
    expect(seen[1]).toContain("refresh-1");
  });

  it("nothing is seen of a vault that was given a fetch", async () => {
    const [own, late] = [spy(), spy()];
    const vault = createVault({
      provider: vmcloud(),
      store: memoryStore(),
      patience: 50,
      fetch: own.fetch,
    });
    vi.stubGlobal("fetch", late.fetch);
    await vault.adopt(adopted);
    await vault.fetch(VMS);
    vi.unstubAllGlobals();
    expect(own.seen.length).toBeGreaterThan(1);
    expect(late.seen).toEqual([]);
  });
});
