/**
 * What stands around a test API: its clock and switches, faults, counting, the check of the
 * Authorization header, rate limits. An API adds who may do what, and its own words for errors.
 */
import { createBasics } from "./basics.ts";
import type { ApiKind, ApiOptions, ApiSwitches, TestApi } from "./contract.ts";
import { createRateLimit } from "./rate-limit.ts";
import { type Call, echo, html, readCall } from "./replies.ts";
import { tokenIn } from "./shown-token.ts";

/** Whom a token was given to. */
export interface Caller {
  readonly account: string;
  /** Of the token, counted from 1. */
  readonly index: number;
}

export interface Parts<Who extends Caller> {
  readonly scheme: "Bearer" | "Token";
  /** An error in the API's own shape; `missing`: there was no Authorization header. */
  problem(status: number, missing: boolean): Response;
  /** Who comes with this token; `undefined` for one that is not taken. */
  check(token: string): Promise<Who | undefined> | Who | undefined;
  /** Answers what goes without a token. */
  open?(call: Call): Response | undefined;
  /** Where tokens are got. */
  readonly token?: { readonly path: string; answer(call: Call): Promise<Response | number> };
  /** Answers everything else, or gives the status of an error; `undefined` is a 404. */
  resource(call: Call, who: Who): Response | number | undefined;
}

export interface Frame {
  readonly now: () => number;
  readonly switches: () => ApiSwitches;
  /** Counts a mint that was granted. */
  minted(): void;
  /** Puts the parts together. */
  build<Who extends Caller>(
    parts: Parts<Who>,
  ): Pick<TestApi, "fetch" | "set" | "counters" | "fault" | "clearFaults" | "gate" | "log">;
}

/** `life` is the API's own default. */
export function createFrame(options: ApiOptions, life: number): Frame {
  const { switches, set, now, counting, faults } = createBasics<ApiSwitches, ApiKind>(options, {
    life,
  });
  const rate = createRateLimit(now);

  async function answer<Who extends Caller>(call: Call, parts: Parts<Who>): Promise<Response> {
    const { pathname } = call.url;
    const { shown = { header: "authorization", scheme: parts.scheme } } = switches;
    const authorization = call.headers.get(shown.header);
    const token = tokenIn(call.headers, shown);
    const who = token === undefined ? undefined : await parts.check(token);
    if (pathname === "/public/echo") return echo(call, who?.index);
    const open = parts.open?.(call);
    if (open !== undefined) return open;
    if (who === undefined) {
      const reply = parts.problem(401, authorization === null);
      // RFC 9110 §11.6.1 wants a challenge. Assumed: no page shows one.
      reply.headers.set("www-authenticate", parts.scheme);
      return reply;
    }
    const wait = rate.take(who.account, switches.rateLimit);
    if (wait > 0) {
      // Assumed: no page shows a 429's body, nor says that Retry-After comes along.
      const reply = parts.problem(429, false);
      reply.headers.set("retry-after", String(wait));
      return reply;
    }
    if (pathname === "/echo") return echo(call, who.index);
    const reply = parts.resource(call, who) ?? 404;
    return typeof reply === "number" ? parts.problem(reply, false) : reply;
  }

  return {
    now,
    switches: () => switches,
    minted: () => counting.count("refreshed"),
    build: (parts) => ({
      async fetch(request) {
        const call = await readCall(request);
        const { token } = parts;
        const kind = call.url.pathname === token?.path ? "token" : "api";
        counting.arrived(call, kind === "api");
        if (kind === "token" && call.method === "POST") counting.count("tokenCalls");
        const process = async (): Promise<Response> => {
          if (switches.ipBlocked) return html(403, "Access denied");
          if (kind === "api") return answer(call, parts);
          const minted = call.method === "POST" ? await token!.answer(call) : 405;
          return typeof minted === "number" ? parts.problem(minted, false) : minted;
        };
        const reply = await faults.run(kind, process, request.signal);
        if (kind === "api" && reply.status === 401) counting.count("unauthorized");
        // The server's clock shows; a fault may have set another Date on purpose.
        if (!reply.headers.has("date")) reply.headers.set("date", new Date(now()).toUTCString());
        return reply;
      },
      set,
      counters: () => counting.counters(),
      fault: (kind, fault) => faults.fault(kind, fault),
      clearFaults: () => faults.clearFaults(),
      gate: faults.gate,
      log: faults.log,
    }),
  };
}
