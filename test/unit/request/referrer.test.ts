/** Redirects by Fetch's rules, against plain `fetch` over real sockets (F91). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Vault } from "../../../src/index.ts";
import { acme } from "../../support/fake-api.ts";
import { bench } from "../../support/vault.ts";

/** Answers with what its address asks for: a list of hops, each `policy@server`. */
const servers: Server[] = [];
const origins: string[] = [];
let seen: (string | undefined)[] = [];
let vault: Vault<never>;

function open(): Promise<string> {
  const server = createServer((request, response) => {
    seen.push(request.headers.referer);
    const url = new URL(request.url!, "http://x");
    const [hop, ...left] = url.searchParams.getAll("hop");
    if (hop === undefined) return void response.end("the end");
    const [policy, to] = hop.split("@") as [string, string];
    const next = new URL("/next/path", origins[Number(to)]);
    for (const one of left) next.searchParams.append("hop", one);
    response
      .writeHead(302, { location: next.href, ...(policy && { "referrer-policy": policy }) })
      .end();
  });
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    );
  });
}

beforeAll(async () => {
  origins.push(await open(), await open());
  const opened = bench({
    provider: acme({ origins: [origins[0]!] }),
    fetch,
    dangerouslyAllowLoopbackHttp: true,
  });
  vault = opened.vault as Vault<never>;
  await opened.vault.adopt({ accessToken: "token" });
});
afterAll(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

const policies = [
  "",
  "no-referrer",
  "origin",
  "same-origin",
  "strict-origin",
  "unsafe-url",
  "no-referrer-when-downgrade",
  "origin-when-cross-origin",
  "strict-origin-when-cross-origin",
];

async function referers(send: (url: string, init: RequestInit) => Promise<Response>, hops: string[], init: RequestInit): Promise<unknown> {
  seen = [];
  const url = new URL("/start/path", origins[0]);
  for (const hop of hops) url.searchParams.append("hop", hop);
  await send(url.href, init);
  return seen;
}

describe("what a request tells of where it comes from", () => {
  const from = (where: string): string =>
    where === "its own server" ? `${origins[0]}/page?secret=1#x` : "https://page.test/page?secret=1";

  it.each(["its own server", "a page over https"])(
    "is at each hop what fetch tells, with a referrer of %s and every Referrer-Policy [F91]",
    async (where) => {
      let told = 0;
      for (const first of policies)
        for (const second of ["", "unsafe-url", "no-referrer, bogus", "origin, unsafe-url"])
          for (const policy of ["", "unsafe-url", "no-referrer"] as const) {
            const init = { referrer: from(where), referrerPolicy: policy };
            const hops = [`${first}@1`, `${second}@0`];
            const plain = await referers(fetch, hops, init);
            const vaulted = await referers((url, given) => vault.fetch(url, given as object), hops, init);
            expect(vaulted, JSON.stringify({ hops, policy })).toEqual(plain);
            told += seen.filter(Boolean).length;
          }
      expect(told).toBeGreaterThan(50);
    },
  );

  it("is a narrower thing for a foreign host, if the redirect's reply says so [F91]", async () => {
    const init = { referrer: from("its own server"), referrerPolicy: "unsafe-url" } as const;
    await referers((url, given) => vault.fetch(url, given as object), ["origin@1"], init);
    expect(seen).toEqual([`${origins[0]}/page?secret=1`, `${origins[0]}/`]);
  });
});

describe("an answer behind a redirect", () => {
  it("says so in its copies, and in theirs [F91]", async () => {
    const hop = encodeURIComponent("@0");
    const response = await vault.fetch(`${origins[0]}/start?hop=${hop}`);
    const copy = response.clone();
    expect([response.redirected, copy.redirected, copy.clone().redirected]).toEqual([true, true, true]);
    expect([await response.text(), await copy.text()]).toEqual(["the end", "the end"]);
    expect(copy).toBeInstanceOf(Response);
  });
});
