/**
 * The control server's client, for tests in browsers and in Node. What it gives has an API's own
 * methods, only asynchronous, so that a test reads the same on either side of the wire.
 */
import type { Account, ApiKind } from "./contract.ts";
import type { ControlBodies, SpawnedSwitches, SpawnOptions } from "./serve.ts";
import type { Counters } from "./counters.ts";
import type { Fault } from "./faults.ts";
import type { Moment } from "./gates.ts";
import type { Logged } from "./log.ts";
import type { VmcloudUser } from "./vmcloud.ts";

export interface SpawnedApi {
  readonly id: string;
  /** The API's origin, without a slash at the end. */
  readonly url: string;
  set(switches: SpawnedSwitches): Promise<void>;
  fault(kind: ApiKind, fault: Fault): Promise<void>;
  clearFaults(): Promise<void>;
  gate(kind: ApiKind, when: Moment, times?: number | "always"): Promise<SpawnedGate>;
  counters(): Promise<Counters>;
  log(): Promise<readonly Logged<ApiKind>[]>;
  expireAccessTokens(): Promise<void>;
  revoke(): Promise<void>;
  /** VMCloud's name for it. */
  revokeFamilies(): Promise<void>;
  addUser(user: VmcloudUser): Promise<void>;
  credentials(account?: Account): Promise<Readonly<Record<string, string>>>;
  close(): Promise<void>;
}

export interface SpawnedGate {
  /** Asks when it is read, and waits: one connection until the first call is held. */
  readonly arrived: Promise<void>;
  /** Asks when it is read, too: one connection until the first held call's own has closed. */
  readonly left: Promise<void>;
  release(): Promise<void>;
}

/** Starts a fresh API on an origin of its own. */
export async function spawnApi(
  controlUrl: string,
  options: SpawnOptions = {},
): Promise<SpawnedApi> {
  const base = controlUrl.replace(/\/$/, "");
  const { id, url } = (await call(`${base}/spawn`, options)) as { id: string; url: string };
  const own = `${base}/${id}`;

  const send = async (path: string, body: object = {}): Promise<void> => {
    await call(`${own}/${path}`, body);
  };

  return {
    id,
    url,
    set: (switches) => send("set", switches satisfies ControlBodies["set"]),
    fault: (kind, fault) => send("fault", { kind, fault } satisfies ControlBodies["fault"]),
    clearFaults: () => send("clear-faults"),
    async gate(kind, when, times = 1) {
      const body = { kind, when, times } satisfies ControlBodies["gate"];
      const { gate } = (await call(`${own}/gate`, body)) as { gate: number };
      return {
        get arrived() {
          return send(`gate/${gate}/arrived`);
        },
        get left() {
          return send(`gate/${gate}/left`);
        },
        release: () => send(`gate/${gate}/release`),
      };
    },
    counters: async () => (await call(`${own}/counters`)) as Counters,
    log: async () => (await call(`${own}/log`)) as readonly Logged<ApiKind>[],
    expireAccessTokens: () => send("expire"),
    revoke: () => send("revoke"),
    revokeFamilies: () => send("revoke"),
    addUser: (user) => send("user", user),
    credentials: async (account) =>
      (await call(`${own}/credentials`, account === undefined ? {} : { account })) as Record<
        string,
        string
      >,
    close: () => send("close"),
  };
}

/** A POST with a body, a GET without; rejects with what the control server found wrong. */
async function call(url: string, body?: object): Promise<unknown> {
  const init =
    body === undefined
      ? {}
      : {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        };
  const reply = await fetch(url, init);
  const text = await reply.text();
  if (!reply.ok) throw new Error(`Control server: ${reply.status} ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}
