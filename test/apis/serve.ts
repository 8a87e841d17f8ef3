/**
 * Test APIs on real sockets, and the control server, which starts and steers them for tests that
 * run in a browser: each API on its own port and so its own origin. `client.ts` speaks to it. For
 * Node, on loopback, open to any origin.
 */
import { type Account, type ApiKind, type ApiName, createApi, type TestApi } from "./apis.ts";
import { createCookieServers } from "./cookie-servers.ts";
import { cors, type CorsOptions } from "./cors.ts";
import type { Fault } from "./faults.ts";
import type { FrameworkSwitches } from "./frameworks/framework.ts";
import { createFrameworkApi, type FrameworkName, isFramework } from "./frameworks/index.ts";
import type { Gate, Moment } from "./gates.ts";
import { createIssuers } from "./issuer.ts";
import { json } from "./replies.ts";
import { serve, type Served } from "./sockets.ts";
import type { VmcloudApi, VmcloudSwitches, VmcloudUser } from "./vmcloud.ts";

export { serve, type Served, type ServeOptions } from "./sockets.ts";

/** What a spawned API starts with, as JSON. Those besides VMCloud ignore switches they do not have. */
export interface SpawnOptions extends Partial<VmcloudSwitches> {
  /** Which API; default `"vmcloud"`. */
  readonly name?: ApiName | FrameworkName;
  readonly cors?: CorsOptions;
  /** Default false, unlike `serve`: see there what browsers do when a reply is dropped. */
  readonly keepAlive?: boolean;
}

/** What `set` takes, as JSON. */
export interface SpawnedSwitches extends Partial<VmcloudSwitches & FrameworkSwitches> {
  readonly cors?: CorsOptions;
}

/** The bodies of control calls that have one. */
export interface ControlBodies {
  readonly set: SpawnedSwitches;
  readonly fault: { readonly kind: ApiKind; readonly fault: Fault };
  readonly gate: {
    readonly kind: ApiKind;
    readonly when: Moment;
    readonly times?: number | "always";
  };
  /** VMCloud's only. */
  readonly user: VmcloudUser;
  readonly credentials: { readonly account?: Account };
}

interface Spawned {
  readonly api: TestApi;
  readonly cors: CorsOptions;
  readonly served: Served;
  readonly gates: Gate[];
}

export async function serveControl(options: { port?: number } = {}): Promise<Served> {
  const spawned = new Map<string, Spawned>();
  const issuers = createIssuers();
  const cookieServers = createCookieServers();
  let count = 0;

  async function spawn(wanted: SpawnOptions): Promise<Response> {
    const { name = "vmcloud", cors: corsOptions = {}, keepAlive = false, ...switches } = wanted;
    const api = isFramework(name) ? createFrameworkApi(name, switches) : createApi(name, switches);
    const served = await serve(cors(api.fetch, corsOptions), { keepAlive });
    const id = String((count += 1));
    spawned.set(id, { api, cors: corsOptions, served, gates: [] });
    return json(201, { id, url: served.url });
  }

  async function handle(request: Request): Promise<Response> {
    const [, first = "", action = "", gate, step] = new URL(request.url).pathname.split("/");
    if (first === "issuer") return issuers(request, action, gate ?? "");
    if (first === "cookies") return cookieServers.answer(action);
    const text = await request.text();
    const body: unknown = text === "" ? {} : JSON.parse(text);
    if (first === "spawn") return spawn(body as SpawnOptions);
    const one = spawned.get(first);
    if (one === undefined) return json(404, { error: "No such API" });
    if (action === "counters") return json(200, one.api.counters());
    if (action === "log") return json(200, one.api.log());
    if (action === "credentials") {
      const { account } = body as ControlBodies["credentials"];
      return json(200, await one.api.credentials(account));
    }
    if (action === "gate" && gate !== undefined) return passGate(one, Number(gate), step);
    if (action === "gate") {
      const { kind, when, times } = body as ControlBodies["gate"];
      return json(201, { gate: one.gates.push(one.api.gate(kind, when, times)) - 1 });
    }
    if (action === "close") {
      spawned.delete(first);
      await one.served.close();
    } else if (!act(one, action, body)) {
      return json(404, { error: "No such action" });
    }
    return new Response(null, { status: 204 });
  }

  const server = await serve(
    cors((request) => handle(request).catch((error: Error) => json(400, { error: error.message }))),
    options,
  );
  return {
    url: server.url,
    async close() {
      await Promise.all(
        [server, cookieServers, ...[...spawned.values()].map((one) => one.served)].map((served) =>
          served.close(),
        ),
      );
    },
  };
}

/** Does what needs no answer; `false` if there is no such action. */
function act({ api, cors: corsOptions }: Spawned, action: string, body: unknown): boolean {
  switch (action) {
    case "set": {
      const { cors: corsChanges, ...switches } = body as ControlBodies["set"];
      Object.assign(corsOptions, corsChanges);
      api.set(switches);
      return true;
    }
    case "fault": {
      const { kind, fault } = body as ControlBodies["fault"];
      api.fault(kind, fault);
      return true;
    }
    case "clear-faults":
      api.clearFaults();
      return true;
    case "expire":
      api.expireAccessTokens();
      return true;
    case "revoke":
      api.revoke();
      return true;
    case "user":
      (api as VmcloudApi).addUser(body as ControlBodies["user"]);
      return true;
    default:
      return false;
  }
}

/** Answers "arrived" when a call is held and "left" when its client has gone, however long that takes. */
async function passGate(one: Spawned, index: number, step?: string): Promise<Response> {
  const gate = one.gates[index];
  if (gate === undefined) return json(404, { error: "No such gate" });
  if (step === "release") gate.release();
  else if (step === "arrived") await gate.arrived;
  else if (step === "left") await gate.left;
  else return json(404, { error: "No such action" });
  return new Response(null, { status: 204 });
}
