/**
 * What `vault.fetch` costs, as a ratio to `fetch` itself: `npm run bench`. Everything is measured in
 * one run, in short batches that take turns, so that a machine's moods meet all of them alike; the
 * medians count. The times are printed and never asserted. What is asserted, because it holds on any
 * machine: a warm call reads no storage and takes no lock.
 */
import { strictEqual } from "node:assert";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createVault } from "../../src/index.ts";
import { localLock } from "../../src/locks/local.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { Lock, TokenStore, VaultOptions } from "../../src/types.ts";
import { createVaultWith, type Vault } from "../../src/vault.ts";

type Credentials = { readonly email: string; readonly password: string };
type Fetch = (input: string | Request, init?: RequestInit) => Promise<Response>;

interface Case {
  readonly title: string;
  /** The ratio that is wanted at most. */
  readonly goal: number;
  /** Calls in a row before the other takes its turn: a few milliseconds. */
  readonly batch: number;
  readonly rounds: number;
  readonly bare: Fetch;
  readonly vaults: readonly Vault<Credentials>[];
  readonly run: (fetch: Fetch) => Promise<unknown>;
}

/** How requests are sent: what Node gets from the core, and what browsers get. */
const sends = ["following", "native"] as const;

// --- what is counted -----------------------------------------------------------------------------

let touches = 0;

/** Every method counts its calls. */
function counting<T extends TokenStore | Lock>(of: T): T {
  const counted = Object.entries(of).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === "function"
      ? (...args: unknown[]): unknown => {
          touches++;
          return value(...args);
        }
      : value,
  ]);
  return Object.fromEntries(counted) as T;
}

const grant = (): Response =>
  Response.json({
    token: "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl",
    expires_at: new Date(Date.now() + 86_400_000).toISOString(),
    refresh_token: "refresh-1",
  });

/** One vault for each way to send, signed in: what is measured is warm. */
async function vaultsOver(fetch_: typeof fetch, baseURL?: string): Promise<Vault<Credentials>[]> {
  const made = [];
  for (const send of sends) {
    const options: VaultOptions<Credentials> = {
      provider: vmcloud(baseURL === undefined ? {} : { baseURL }),
      store: counting(memoryStore()),
      lock: counting(localLock()),
      fetch: fetch_,
      dangerouslyAllowLoopbackHttp: true,
    };
    const vault = send === "native" ? createVaultWith(options) : createVault(options);
    await vault.signIn({ email: "ada@example.com", password: "correct horse" });
    made.push(vault);
  }
  return made;
}

// --- the stubbed fetch ---------------------------------------------------------------------------

const URL_VMS = "https://api.vmcloud.com/v1/vms";
const answer = new Response("{}");
let authorized = 0;

/**
 * As little as a `fetch` can do: always the same answer, unless it signs somebody in or is asked to
 * look whether the token came along. The bare calls go to the very same function.
 */
let looks = true;
const stub: typeof fetch = async (input, init) => (looks ? look(input, init) : answer);

function look(input: string | URL | Request, init: RequestInit | undefined): Response {
  const request = new Request(input, init);
  if (request.url.endsWith("/auth/token")) return grant();
  if (request.headers.get("authorization")?.startsWith("Bearer ")) authorized++;
  return answer;
}

const stubbed = await vaultsOver(stub);

// --- a real server -------------------------------------------------------------------------------

const server = createServer((request, response) => {
  if (request.url?.endsWith("/auth/token")) {
    void grant()
      .text()
      .then((text) => response.end(text));
  } else {
    if (request.headers.authorization?.startsWith("Bearer ")) authorized++;
    response.setHeader("content-type", "application/json");
    response.end('{"vms":[]}');
  }
});
// Connections stay open while the other cases are measured.
server.keepAliveTimeout = 600_000;
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const served = await vaultsOver(fetch, origin);

// --- the cases -----------------------------------------------------------------------------------

const cases: Case[] = [
  {
    title: "GET, a string",
    goal: 4,
    batch: 5_000,
    rounds: 300,
    bare: stub,
    vaults: stubbed,
    run: (fetch) => fetch(URL_VMS),
  },
  {
    title: "POST, JSON headers, string body",
    goal: 9,
    batch: 5_000,
    rounds: 300,
    bare: stub,
    vaults: stubbed,
    run: (fetch) =>
      fetch(URL_VMS, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json" },
        body: '{"name":"web-1"}',
      }),
  },
  {
    title: "a Request, made for each call",
    goal: 1.8,
    batch: 500,
    rounds: 300,
    bare: stub,
    vaults: stubbed,
    run: (fetch) => fetch(new Request(URL_VMS)),
  },
  {
    title: "GET over a loopback server",
    goal: 1.06,
    batch: 25,
    rounds: 300,
    bare: fetch,
    vaults: served,
    run: async (fetch) => (await fetch(`${origin}/v1/vms`)).text(),
  },
];

/** Nanoseconds for one call. */
async function time(run: Case["run"], fetch: Fetch, batch: number): Promise<number> {
  const since = performance.now();
  for (let count = 0; count < batch; count++) await run(fetch);
  return ((performance.now() - since) * 1e6) / batch;
}

const median = (values: number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
};

// The token goes along in every case: a vault that does less than it should would be fast.
for (const { vaults, run } of cases) {
  for (const { fetch } of vaults) {
    authorized = 0;
    await run(fetch);
    strictEqual(authorized, 1, "the token must go along");
  }
}
looks = false;

// All cases warm up before any is measured, so that none has the optimised code to itself.
for (let round = 0; round < 20; round++)
  for (const { bare, vaults, run, batch } of cases)
    for (const fetch of [bare, ...vaults.map((vault) => vault.fetch)])
      await time(run, fetch, batch);

touches = 0;
let calls = 0;
const rows = [];
for (const { title, goal, batch, rounds, bare, vaults, run } of cases) {
  const [, ...times] = [bare, ...vaults].map((): number[] => []);
  const alone: number[] = [];
  for (let round = 0; round < rounds; round++) {
    alone.push(await time(run, bare, batch));
    for (const [index, { fetch }] of vaults.entries())
      times[index]?.push(await time(run, fetch, batch));
    calls += batch * vaults.length;
  }
  for (const [index, own] of times.entries()) {
    // Neighbours in time are compared: what slowed one batch down has mostly slowed the next, too.
    const ratio = median(own.map((ns, round) => ns / (alone[round] ?? Number.NaN)));
    rows.push({
      case: title,
      send: sends[index],
      "bare ns/op": Math.round(median(alone)),
      "vault ns/op": Math.round(median(own)),
      ratio: ratio.toFixed(ratio < 1.5 ? 3 : 2),
      goal,
      met: ratio <= goal ? "yes" : "NO",
    });
  }
}
strictEqual(touches, 0, `${calls} warm calls must read no storage and take no lock`);

console.log(`Node ${process.versions.node}, ${process.arch}, medians of batches that take turns`);
console.table(rows);
console.log(`${calls} warm calls: storage and lock were touched ${touches} times`);
server.closeAllConnections();
server.close();
