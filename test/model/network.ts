/** What a context's `fetch` does: the network and the server behind it, in virtual time. */
import { URLS, API } from "./addresses.ts";
import type { Invariants } from "./invariants.ts";
import { createJars } from "./jars.ts";
import { PATIENCE, type Scenario } from "./scenario.ts";
import type { Reply, Server } from "./server.ts";
import type { Place, World } from "./world.ts";

/** One call of an application, and all that came of it. */
export interface Call {
  readonly place: Place;
  readonly endpoint: number;
  /** An owner that stands still or dies keeps its proxies waiting: the worker's tests play that. */
  readonly isProxied: boolean;
  /** Who gave a proxy its token. */
  owner: Place | undefined;
  readonly startedAt: number;
  readonly frozenBefore: number;
  readonly freezesBefore: number;
  readonly bodies: string[];
  readonly accesses: string[];
  /** How long its requests took. */
  travel: number;
  settledAt?: number;
  status?: number;
  code?: string;
}

/** A response with as little work as can be: what nobody reads is never made. */
class Answer {
  readonly status: number;
  readonly ok: boolean;
  readonly url: string;
  readonly redirected = false;
  readonly type = "basic";
  readonly #reply: Reply;
  #real: Response | undefined;

  constructor(url: string, reply: Reply) {
    this.url = url;
    this.status = reply.status;
    this.ok = reply.status < 300;
    this.#reply = reply;
  }

  get headers(): Headers {
    return this.#made.headers;
  }
  get body(): Response["body"] {
    return this.#made.body;
  }
  text(): Promise<string> {
    return this.#made.text();
  }
  json(): Promise<unknown> {
    return this.#made.json();
  }
  get #made(): Response {
    const { status, text, date, retryAfter } = this.#reply;
    this.#real ??= new Response(text, {
      status,
      headers: {
        "content-type": text.startsWith("<") ? "text/html" : "application/json",
        ...(date !== undefined && { date: new Date(date).toUTCString() }),
        ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
      },
    });
    return this.#real;
  }
}

interface Sent {
  readonly place: Place;
  readonly url: string;
  readonly init: RequestInit;
  /** What the server gets, a cookie included. */
  readonly body: string;
  /** After `delay`, in the context that asked: a reply, or none. */
  readonly answer: (reply: Reply, delay: number, heard?: () => void) => void;
  readonly lose: (delay: number) => void;
}

export interface NetworkParts {
  readonly world: World;
  readonly server: Server;
  readonly scenario: Scenario;
  readonly invariants: Invariants;
  readonly calls: readonly Call[];
}

export function createNetwork({ world, server, scenario, invariants, calls }: NetworkParts) {
  const { network } = scenario;
  const state = { isOffline: false };
  const jars = createJars({ world, server, scenario, invariants });

  /** The way there and the way back of a request to the token endpoint. */
  function tokenWays(): readonly [there: number, back: number] {
    if (!scenario.tokenTime) return [world.latency(), world.latency()];
    const [least, most] = scenario.tokenTime;
    const whole = least + world.random() * (most - least);
    const there = whole * world.random();
    return [there, whole - there];
  }

  function request({ place, init, url, answer, lose }: Sent): void {
    const [way, back] = [world.latency(), world.latency()];
    const access = (init.headers as Record<string, string>)["authorization"]?.slice(7) ?? "";
    const number = Number(url.slice(API.length));
    // The call that this belongs to is named by its body.
    const call = calls[Number(String(init.body).split(":")[0])];
    const endpoint = scenario.endpoints[number];
    if (!call || !endpoint) {
      invariants.facts.violate("P11.bytes", "a request that no call has made");
      throw new Error("a request of nobody");
    }
    invariants.apiRequest(call, place, access);
    call.bodies.push(String(init.body));
    call.accesses.push(access);
    call.travel += way + back;
    if (state.isOffline) return lose(way);
    world.schedule(undefined, way, () => {
      if (world.chance(network.apiTrouble))
        return world.random() < 0.5 ? lose(back) : answer(server.reply(500, {}), back);
      const status = server.accepts(access, endpoint) ? 200 : 401;
      answer(server.reply(status, {}), back, () => invariants.answered(call, access, status));
    });
  }

  /** What the token endpoint makes of a refresh, and how the reply fares. */
  function refresh({ answer, lose }: Sent, body: string, spend: () => Reply, back: number): void {
    const wait =
      scenario.retryAfter > 0 ? Math.ceil(world.random() * scenario.retryAfter) : undefined;
    if (server.isDown && world.random() < 0.5) return lose(back);
    if (world.chance(network.status429)) {
      invariants.unprocessed(body, wait);
      return answer(server.reply(429, {}, wait), back);
    }
    // Unless it says otherwise, a 5xx may have been processed or not.
    if (server.isDown || world.chance(network.status503)) {
      if (scenario.safe503) invariants.unprocessed(body, wait);
      return answer(server.reply(503, {}, wait), back);
    }
    const once = spend();
    const reply = world.chance(network.doubled) ? spend() : once;
    if (world.chance(network.status500)) return answer(server.reply(500, {}), back);
    if (world.chance(network.portal))
      return answer({ status: 200, text: "<html>", date: undefined }, back);
    if (world.chance(network.lostAfter)) return lose(world.random() * 10_000);
    answer(reply, late(back));
  }

  /** How long a reply takes that may come late. */
  const late = (back: number): number =>
    world.chance(network.late) ? world.random() * 2 * PATIENCE : back;

  function exchange(sent: Sent): void {
    const { place, url, body, answer, lose } = sent;
    const fields = JSON.parse(body) as Record<string, string>;
    const [way, back] = tokenWays();
    if (state.isOffline || (url !== URLS.token && world.chance(network.lostBefore)))
      return lose(way);
    world.schedule(undefined, way, () => {
      if (url === URLS.token)
        return answer(server.signIn(fields["email"] ?? "", place.device), late(back));
      if (url === URLS.revoke) return answer(server.revoke(fields["token"] ?? ""), back);
      if (url === URLS.logout) return answer(server.revoke(fields["refresh_token"] ?? ""), back);
      const spend = (): Reply =>
        url === URLS.mint
          ? server.mint(fields["user_id"] ?? "", place.device)
          : server.refresh(fields["refresh_token"] ?? "");
      refresh(sent, body, spend, back);
    });
  }

  return {
    state,
    fetchOf(place: Place): typeof fetch {
      return ((url: string, init: RequestInit) => {
        const isApi = url.startsWith(API);
        const visit = isApi ? undefined : jars.send(place, url, init);
        const body = visit?.body ?? String(init.body);
        const watch = isApi ? undefined : invariants.tokenRequest(place, url, body);
        const isDeaf = !isApi && world.chance(network.deaf);
        const question = {};
        if (!isApi) place.busy.add(question);
        return new Promise((resolve, reject) => {
          const onAbort = (): void => {
            watch?.abort(isDeaf);
            if (isDeaf) return;
            place.busy.delete(question);
            visit?.end();
            reject(init.signal?.reason as Error);
          };
          init.signal?.addEventListener("abort", onAbort);
          // Node keeps a signal of `AbortSignal.any` for as long as somebody listens to it.
          const end = (delay: number, done: () => void): void =>
            void world.schedule(place, delay, () => {
              init.signal?.removeEventListener("abort", onAbort);
              place.busy.delete(question);
              done();
            });
          const sent: Sent = {
            place,
            url,
            init,
            body,
            answer: (reply, delay, heard) => {
              const due = world.now() + delay;
              const take = visit?.arrives(reply, delay);
              end(delay, () => {
                take?.();
                watch?.arrived(reply, due);
                heard?.();
                resolve(new Answer(url, reply) as unknown as Response);
              });
            },
            lose: (delay) =>
              end(delay, () => {
                watch?.lost();
                visit?.end();
                reject(new TypeError("network"));
              }),
          };
          if (isApi) request(sent);
          else exchange(sent);
        });
      }) as typeof fetch;
    },
  };
}
