/**
 * One schedule: contexts that run the engine that ships (through `createVault` and the `vmcloud`
 * preset), a script of things that happen to them, and every invariant checked at every step.
 */
import { isVaultError } from "../../src/errors.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { createVaultWith, type Vault } from "../../src/vault/vault.ts";
import { createInvariants } from "./invariants.ts";
import { createServer, type Reply, type Rotation } from "./server.ts";
import { bodyOf, createWorld, type Faults, type Place, Violation } from "./world.ts";

export interface Network {
  /** Chances for each token request. */
  readonly lostBefore: number;
  readonly lostAfter: number;
  readonly late: number;
  readonly status500: number;
  readonly status503: number;
  readonly status429: number;
  readonly portal: number;
  /** Arrives twice: browsers send a POST again by themselves when a kept-alive connection dies. */
  readonly doubled: number;
}

export type Command =
  | { readonly type: "call"; readonly place: number; readonly times: number }
  | { readonly type: "abort"; readonly place: number }
  | { readonly type: "crash" | "freeze" | "resume" | "reload"; readonly place: number }
  | { readonly type: "store-down" | "store-up"; readonly place: number }
  | { readonly type: "sign-in" | "sign-out"; readonly place: number }
  | { readonly type: "evict" | "go-back" | "expire" | "offline" | "online" }
  | { readonly type: "clock"; readonly place: number; readonly by: number };

export interface Scenario {
  readonly seed: number;
  readonly contexts: number;
  readonly rotation: Rotation;
  readonly reuseWindow: number;
  readonly life: number;
  readonly killsOld: boolean;
  readonly showsDate: boolean;
  readonly always401: boolean;
  readonly locks: boolean;
  readonly channel: boolean;
  readonly refreshAhead: boolean;
  readonly faults: Faults;
  readonly network: Network;
  /** Each command, and the true time that passes before it. */
  readonly script: readonly { readonly after: number; readonly command: Command }[];
}

export const PATIENCE = 20_000;
export const MAX_STALENESS = 60_000;
/** The longest that an API request takes here. */
export const REQUEST = 10_000;

export interface Call {
  readonly place: Place;
  readonly startedAt: number;
  readonly frozenBefore: number;
  readonly bodies: string[];
  readonly generations: string[];
  settledAt?: number;
  status?: number;
  code?: string;
}

export interface Context {
  readonly place: Place;
  readonly vault: Vault<{ email: string; password: string }>;
}

const URL_TOKEN = "https://api.vmcloud.com/api/v1/auth/token";
const URL_API = "https://api.vmcloud.com/v1/vms";

export async function simulate(scenario: Scenario) {
  const world = createWorld(scenario.seed, scenario.faults);
  const server = createServer(world, scenario);
  const calls: Call[] = [];
  const contexts: Context[] = [];
  const aborts = new Map<Place, AbortController[]>();
  const tokenCalls: { readonly at: number; readonly place: Place; readonly token: string }[] = [];
  let offline = false;
  let signIns = 0;
  const invariants = createInvariants(world, server, scenario, contexts);
  const { network } = scenario;

  /** What a context's `fetch` does: the network and the server, in virtual time. */
  function fetchOf(place: Place): typeof fetch {
    return ((url: string, init: RequestInit) => {
      const isApi = url === URL_API;
      if (!isApi) invariants.tokenRequest(place, url === URL_TOKEN, init.body as string);
      return new Promise((resolve, reject) => {
        let over = false;
        const end = (delay: number, done: () => void): void =>
          void world.schedule(place, delay, () => {
            over = true;
            done();
          });
        const lost = (delay: number): void => end(delay, () => reject(new TypeError("network")));
        const answer = ({ status, text, date }: Reply, delay: number): void =>
          end(delay, () =>
            resolve({
              status,
              headers: {
                get: (name: string) =>
                  name === "date" && date !== undefined ? new Date(date).toUTCString() : null,
              },
              body: new Response(text).body,
            } as unknown as Response),
          );
        init.signal?.addEventListener("abort", () => reject(init.signal!.reason as Error));
        const way = world.latency();
        if (!isApi)
          init.signal?.addEventListener(
            "abort",
            invariants.exchange(place, () => over),
          );
        if (offline) return lost(way);
        if (isApi) {
          const access = (init.headers as Record<string, string>)["authorization"]!.slice(7);
          invariants.apiRequest(place, access);
          // The call that this belongs to is named by its body.
          const call = calls[Number(String(init.body).split(":")[0])]!;
          call.bodies.push(String(init.body));
          call.generations.push(access);
          return void world.schedule(undefined, way, () =>
            answer(
              server.accepts(access) ? server.reply(200, {}) : server.reply(401, {}),
              world.latency(),
            ),
          );
        }
        if (world.chance(network.lostBefore)) return lost(way);
        world.schedule(undefined, way, () => {
          const { refresh_token: token } = JSON.parse(init.body as string) as {
            refresh_token?: string;
          };
          if (token === undefined) return answer(server.signIn(), world.latency());
          if (world.chance(network.status429)) {
            invariants.unprocessed(token);
            return answer(server.reply(429, {}), world.latency());
          }
          // A 5xx may have been processed or not.
          if (world.chance(network.status503))
            return answer(server.reply(503, {}), world.latency());
          const once = server.refresh(token);
          const reply = world.chance(network.doubled) ? server.refresh(token) : once;
          if (world.chance(network.status500))
            return answer(server.reply(500, {}), world.latency());
          if (world.chance(network.portal))
            return answer({ status: 200, text: "<html>", date: undefined }, world.latency());
          if (world.chance(network.lostAfter)) return lost(world.random() * 10_000);
          answer(reply, world.chance(network.late) ? world.random() * 40_000 : world.latency());
        });
        if (url !== URL_TOKEN) {
          const { refresh_token: token } = JSON.parse(init.body as string) as {
            refresh_token: string;
          };
          tokenCalls.push({ at: world.now(), place, token });
        }
      });
    }) as typeof fetch;
  }

  function open(offset: number): Context {
    const place = world.addPlace();
    place.offset = offset;
    const vault = createVaultWith({
      provider: vmcloud({
        rotation: scenario.rotation === "none" ? "none" : "strict",
        reuseWindow: scenario.rotation === "window" ? scenario.reuseWindow : 0,
      }),
      store: world.storeOf(place),
      ...(scenario.locks && { lock: world.lockOf(place) }),
      ...(scenario.channel && { channel: world.channelOf(place) }),
      refreshAhead: scenario.refreshAhead,
      patience: PATIENCE,
      maxStaleness: MAX_STALENESS,
      online: () => !offline,
      fetch: fetchOf(place),
      clock: world.clockOf(place),
      random: world.random,
    });
    vault.events((event) => invariants.event(place, event));
    const context = { place, vault };
    contexts.push(context);
    return context;
  }

  /** The live context nearest to the one that was drawn. */
  function pick(index: number): Context | undefined {
    const live = contexts.filter(({ place }) => !place.crashed);
    return live[index % live.length];
  }

  function call({ place, vault }: Context): Call {
    const number = calls.length;
    const made: Call = {
      place,
      startedAt: world.now(),
      frozenBefore: place.frozenFor,
      bodies: [],
      generations: [],
    };
    calls.push(made);
    const controller = new AbortController();
    aborts.set(place, [...(aborts.get(place) ?? []), controller]);
    vault
      .fetch(URL_API, { method: "POST", body: `${number}:bytes`, signal: controller.signal })
      .then(
        ({ status }) => {
          made.status = status;
        },
        (error: unknown) => {
          if (error instanceof Violation) throw error;
          made.code = isVaultError(error) ? error.code : String((error as Error).name);
          invariants.failed(place, made.code);
        },
      )
      .finally(() => {
        made.settledAt = world.now();
        invariants.settled(made);
      })
      .catch((error: unknown) => invariants.report(error));
    return made;
  }

  function signIn({ place, vault }: Context): void {
    signIns++;
    vault
      .signIn({ email: "ada@example.com", password: "correct horse" })
      .catch((error: unknown) => {
        if (!isVaultError(error)) invariants.report(error);
      });
    void place;
  }

  function perform(command: Command): void {
    if (!("place" in command)) {
      if (command.type === "evict") invariants.evict();
      else if (command.type === "go-back") invariants.goBack();
      else if (command.type === "expire") server.expireAll();
      else offline = command.type === "offline";
      return;
    }
    const context = pick(command.place);
    if (!context) return;
    const { place, vault } = context;
    switch (command.type) {
      case "call":
        if (!place.frozen) for (let count = 0; count < command.times; count++) call(context);
        break;
      case "abort":
        if (!place.frozen) aborts.get(place)?.pop()?.abort();
        break;
      case "crash":
        if (contexts.filter((other) => !other.place.crashed).length > 1) world.crash(place);
        break;
      case "reload":
        world.crash(place);
        open(place.offset);
        break;
      case "freeze":
        world.freeze(place);
        break;
      case "resume":
        world.resume(place);
        break;
      case "store-down":
        place.storeDown = true;
        place.storeDownAt = world.now();
        break;
      case "store-up":
        place.storeDown = false;
        place.storeUpAt = world.now();
        break;
      case "sign-in":
        if (!place.frozen) signIn(context);
        break;
      case "sign-out": {
        if (place.frozen) break;
        // A sign-out that failed and did not know the session has told so; nothing is promised.
        const forget = invariants.signOut(place);
        vault.signOut().catch(forget);
        break;
      }
      case "clock":
        invariants.clockStep(place, command.by);
        // Tabs share their machine's clock.
        for (const other of world.places) other.offset += command.by;
    }
  }

  const onRejection = (error: unknown): void => invariants.report(error);
  process.on("unhandledRejection", onRejection);
  try {
    // A session to begin with, without faults.
    for (let index = 0; index < scenario.contexts; index++) open(0);
    const [first] = contexts as [Context];
    let ready = false;
    world.calm(true);
    void first.vault.signIn({ email: "ada@example.com", password: "correct horse" }).then(
      () => (ready = true),
      (error: unknown) => invariants.report(error),
    );
    for (let limit = 100; !ready && limit < 100_000; limit += 100)
      await world.run(world.now() + 100);
    world.calm(false);

    for (const { after, command } of scenario.script) {
      await world.run(world.now() + after);
      perform(command);
      invariants.check();
    }

    // Whatever happened: everything settles.
    world.calm(true);
    offline = false;
    for (const place of world.places) {
      if (place.storeDown) place.storeUpAt = world.now();
      place.storeDown = false;
      world.resume(place);
    }
    await world.run(world.now() + PATIENCE + 2 * REQUEST + 60_000);
    invariants.check();
    invariants.allSettled(calls);

    // And what is left works, one context after the other.
    const live = contexts.filter(({ place }) => !place.crashed);
    for (const context of live) {
      const expected = invariants.expectation(context.place);
      const last = call(context);
      await world.run(world.now() + PATIENCE + 2 * REQUEST);
      invariants.allSettled([last]);
      invariants.fulfilled(expected, last);
    }
    invariants.check();
    for (const { vault } of contexts) vault.close();
    return { world, server, calls, tokenCalls, contexts, signIns, invariants };
  } finally {
    process.off("unhandledRejection", onRejection);
  }
}

export { bodyOf };
