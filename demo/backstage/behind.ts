/**
 * How the page's buttons reach behind the APIs: what `…/backstage/<api>/<what>` answers. The demo's server
 * has it, and on the site the service worker.
 */
import type { Fault } from "../../test/apis/faults.ts";
import { deferred, type Gate } from "../../test/apis/gates.ts";
import { type Levers, REUSE_WINDOW } from "./api.ts";

/** What goes wrong at the endpoint that gives tokens. */
const faults: Readonly<Record<string, Fault>> = {
  "503": { status: 503, body: "Service Unavailable" },
  "429": { status: 429, body: { error: "slow down" }, headers: { "retry-after": "1" } },
  slow: { delay: 2_500 },
  lost: { dropReply: "half" },
};

export interface BehindOptions<Api extends Levers> {
  readonly apis: () => readonly Api[];
  /** Sends a webhook, and tells what the receiver answered. */
  readonly webhook: (kind: string) => Promise<object>;
  /** Whose credentials are for no page. */
  readonly isHidden?: (id: string) => boolean;
  /** What only a server has; `undefined` if there is no such thing. */
  readonly more?: (api: Api, what: string, kind: string) => Promise<object> | undefined;
}

export interface Behind {
  /** How long an API takes a spent refresh token once more, milliseconds; 0 while rotation is strict. */
  reuseWindow(id: string): number;
  /** `path` begins with the API's name; `undefined` if there is no such thing. */
  reply(method: string, path: string): Promise<object | undefined>;
}

export function createBehind<Api extends Levers>(options: BehindOptions<Api>): Behind {
  /** Strict rotation is what many servers have. */
  const strict = new Set<string>(["vmcloud", "cookie", "oauth"]);
  /** What is held of each API, and whether somebody has let go. */
  const holds = new Map<
    string,
    { readonly gate: Gate; readonly over: ReturnType<typeof deferred<void>> }
  >();

  function hold(api: Api): void {
    letGo(api);
    holds.set(api.id, { gate: api.hold(), over: deferred<void>() });
  }

  function letGo({ id }: Api): void {
    const held = holds.get(id);
    held?.gate.release();
    held?.over.resolve();
  }

  async function arrived({ id }: Api): Promise<void> {
    const held = holds.get(id);
    await Promise.race([held?.gate.arrived, held?.over.promise]);
  }

  /** What a button does to an API. */
  async function act(api: Api, what: string, kind: string): Promise<object | undefined> {
    const fault = faults[kind];
    const more = options.more?.(api, what, kind);
    if (more) return more;
    if (what === "webhook") return options.webhook(kind);
    if (what === "expire") await api.expire();
    else if (what === "revoke") await api.revoke();
    else if (what === "fault" && fault) api.fault(fault);
    else if (what === "hold") hold(api);
    else if (what === "arrived") await arrived(api);
    else if (what === "release") letGo(api);
    else if (what === "rotation" && api.strict) {
      api.strict(kind === "strict");
      if (kind === "strict") strict.add(api.id);
      else strict.delete(api.id);
    } else return undefined;
    api.log.act(kind || what);
    return {};
  }

  return {
    reuseWindow: (id) => (strict.has(id) ? 0 : REUSE_WINDOW),
    async reply(method, path) {
      const { pathname, searchParams } = new URL(path, "http://localhost");
      const [, id = "", what = ""] = pathname.split("/");
      const api = options.apis().find((one) => one.id === id);
      if (!api) return undefined;
      if (method === "POST") return act(api, what, searchParams.get("kind") ?? "");
      if (what === "log") return api.log.since(Number(searchParams.get("since")));
      if (what !== "credentials" || options.isHidden?.(id)) return undefined;
      return api.credentials(searchParams.get("account") === "grace" ? "grace" : "ada");
    },
  };
}
