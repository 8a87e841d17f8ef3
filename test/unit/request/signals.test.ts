/** A caller's signal ends each send of a call, also where nobody but the call has the signal any more. */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it } from "vitest";
import type { VaultFetch } from "../../../src/index.ts";
import { createPolicy } from "../../../src/request/policy.ts";
import { createFollow } from "../../../src/request/redirects.ts";
import { stage, token } from "./given-source.ts";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

const open: { close(): unknown }[] = [];
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

/** An API whose last reply begins and never ends; `ended` settles when its connection does. */
async function serve(hop: RequestListener): Promise<{ url: string; began: Promise<void> }> {
  let begin = (): void => {};
  const began = new Promise<void>((resolve) => (begin = resolve));
  const server = createServer((request, reply) => {
    if (request.url === "/end" || request.headers.authorization === "Bearer token-2") {
      reply.writeHead(200).write("a beginning");
      begin();
    } else hop(request, reply);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push({
    close() {
      server.close();
      server.closeAllConnections();
    },
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, began };
}

const hops: Readonly<Record<string, RequestListener>> = {
  "a redirect": (_, reply) => reply.writeHead(302, { location: "/end" }).end(),
  "a 401": (_, reply) => reply.writeHead(401).end(),
};

type Way = (vault: VaultFetch, url: string) => Promise<Response>;

/** How a time-out comes into a call. Nothing else keeps it. */
const ways = (timeout: () => AbortSignal): Readonly<Record<string, Way>> => ({
  "a time-out": (fetch, url) => fetch(url, { signal: timeout() }),
  "one of several": (fetch, url) =>
    fetch(url, { signal: AbortSignal.any([new AbortController().signal, timeout()]) }),
  "a Request's": (fetch, url) => fetch(new Request(url, { signal: timeout() })),
  "a Request's, one of several": (fetch, url) =>
    fetch(new Request(url, { signal: AbortSignal.any([timeout()]) })),
});

/** How a call ends, while all that nobody holds is forgotten. */
async function endOf(call: Promise<string>, until: AbortSignal): Promise<string> {
  let end: string | undefined;
  call.then(
    () => (end = "an answer"),
    (error: unknown) => (end = (error as Error).name),
  );
  while (end === undefined && !until.aborted) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return end ?? "nothing";
}

describe.each(Object.keys(hops))("behind %s", (hop) => {
  it.each(Object.keys(ways(() => AbortSignal.timeout(0))))(
    "%s that is the call's alone ends it, in the midst of its answer [P14]",
    async (way) => {
      const { url, began } = await serve(hops[hop]!);
      const policy = createPolicy({ origins: [url] }, true);
      const { fetch } = stage({
        policy,
        follow: createFollow(policy),
        fetch: globalThis.fetch,
        getToken: ({ rejected }) => token(rejected ? 2 : 1),
      });
      const make = ways(() => AbortSignal.timeout(1_000))[way]!;
      const call = make(fetch, `${url}/start`).then((response) => response.text());
      await Promise.race([began, call.catch(() => {})]);
      // Both time-outs run by one clock: this one is later.
      expect(await endOf(call, AbortSignal.timeout(4_000))).toBe("TimeoutError");
    },
  );
});
