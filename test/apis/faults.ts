/**
 * Faults: what goes wrong between a client and a test API, queued per kind of endpoint. An API
 * wraps the processing of each call in `run`; it knows nothing else about faults.
 */
import { createGates, type Gate, type Held, type Moment } from "./gates.ts";
import { createLog, type Logged } from "./log.ts";
import { html } from "./replies.ts";

/** JSON all through, so that it can be sent to the control server. */
export interface Fault {
  /** How many calls it hits; default 1. A standing fault hides those queued behind it. */
  readonly times?: number | "always";

  // Instead of the API's own reply, one of these:
  readonly status?: number;
  /** Goes with `status`: a string as it is, anything else as JSON. */
  readonly body?: unknown;
  /** Redirects there; 307 unless `status` says otherwise. */
  readonly redirect?: string;
  /** A captive portal's log-in page, in HTML, with status 200. */
  readonly captivePortal?: true;
  /** Status 200 and a JSON content type, but no JSON; or members of the wrong types; or `null`. */
  readonly nonsense?: "unparsable" | "wrong-types" | "null";
  /** Whether the call is processed although another reply is sent; default false. */
  readonly processed?: boolean;

  // And with whatever reply:
  /** Set on the reply. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds by which the reply comes late, after processing. */
  readonly delay?: number;
  /** The connection dies: before processing, after it, or in the middle of the reply's body. */
  readonly dropReply?: "before" | "after" | "half";
  /** Half of the body comes, and then nothing more. */
  readonly stall?: true;
  /** The reply has no CORS headers: script of another origin sees a network error. */
  readonly noCors?: true;
}

/** What a handler rejects with when the connection dies; a TypeError, as from `fetch`. */
export class DroppedReply extends TypeError {
  override readonly name = "DroppedReply";
  constructor() {
    super("The connection died without a reply");
  }
}

const withoutCors = new WeakSet<Response>();

/** Whether the CORS wrapper shall leave this reply alone. */
export function isWithoutCors(reply: Response): boolean {
  return withoutCors.has(reply);
}

export interface Faults<Kind extends string> {
  fault(kind: Kind, fault: Fault): void;
  clearFaults(): void;
  gate(kind: Kind, when: Moment, times?: number | "always"): Gate;
  /** What became of each call, in the order in which it happened. */
  log(): readonly Logged<Kind>[];
  /**
   * Processes one call, or whatever the next fault and gates make of it. `signal` is aborted when
   * the call's connection closes.
   */
  run(kind: Kind, process: () => Promise<Response>, signal?: AbortSignal): Promise<Response>;
}

export interface FaultsOptions {
  /** How a delay is waited out; by default with `setTimeout`. */
  readonly sleep?: (ms: number) => Promise<void>;
}

export function createFaults<Kind extends string>(options: FaultsOptions = {}): Faults<Kind> {
  const sleep = options.sleep ?? ((ms) => new Promise<void>((resolve) => setTimeout(resolve, ms)));
  const gates = createGates<Kind>();
  const log = createLog<Kind>();
  let queue: { kind: Kind; fault: Fault; left: number }[] = [];

  function take(kind: Kind): Fault {
    const entry = queue.find((one) => one.kind === kind);
    if (entry === undefined) return {};
    entry.left -= 1;
    if (entry.left <= 0) queue = queue.filter((one) => one !== entry);
    return entry.fault;
  }

  async function answer(
    kind: Kind,
    process: () => Promise<Response>,
    held: Held,
  ): Promise<Response> {
    // Taken on arrival, so that gates do not change whom a fault hits.
    const fault = take(kind);
    await gates.pass(kind, "before", held);
    if (fault.dropReply === "before") throw new DroppedReply();
    const instead = replacement(fault);
    let reply: Response;
    if (instead === undefined) {
      reply = await process();
    } else {
      if (fault.processed === true) await process();
      reply = instead;
    }
    await gates.pass(kind, "after", held);
    if (fault.delay !== undefined) await sleep(fault.delay);
    if (fault.dropReply === "after") throw new DroppedReply();
    if (fault.dropReply === "half" || fault.stall === true) reply = await half(reply, fault);
    for (const [name, value] of Object.entries(fault.headers ?? {})) {
      reply.headers.set(name, value);
    }
    if (fault.noCors === true) withoutCors.add(reply);
    return reply;
  }

  return {
    fault(kind, fault) {
      const { times = 1 } = fault;
      if (times !== "always" && !(times >= 1)) {
        throw new RangeError("Cannot queue a fault: times is less than 1");
      }
      queue.push({ kind, fault, left: times === "always" ? Infinity : times });
    },
    clearFaults() {
      queue = [];
    },
    gate: gates.gate,

    log: log.read,

    async run(kind, process, signal) {
      const note = log.begin(kind, signal);
      try {
        return await answer(kind, process, { signal, note });
      } finally {
        note("over");
      }
    },
  };
}

/** The reply that a fault puts in the place of the API's own, if it does. */
function replacement(fault: Fault): Response | undefined {
  const { status, body = null, redirect, nonsense } = fault;
  if (redirect !== undefined) {
    // A browser would keep a permanent one, also for the next server that is given the same port.
    const headers = { location: redirect, "cache-control": "no-store" };
    return new Response(null, { status: status ?? 307, headers });
  }
  if (fault.captivePortal === true) return html(200, "Welcome! Please log in to the hotel's Wi-Fi");
  if (nonsense !== undefined) {
    return new Response(nonsenseBodies[nonsense], {
      headers: { "content-type": "application/json" },
    });
  }
  if (status === undefined) return undefined;
  if (body === null) return new Response(null, { status });
  if (typeof body === "string") {
    return new Response(body, { status, headers: { "content-type": "text/plain" } });
  }
  return Response.json(body, { status });
}

const nonsenseBodies = {
  unparsable: '{"token":',
  // Every name that a token endpoint of the five APIs uses, none with a usable value.
  "wrong-types": JSON.stringify({
    token: 17,
    access_token: ["x"],
    expires_at: { year: 2024 },
    expires_in: "soon",
    refresh_token: false,
  }),
  null: "null",
};

/** The same reply, but its body breaks off half-way: with an error, or silently for ever. */
async function half(reply: Response, fault: Fault): Promise<Response> {
  const bytes = new Uint8Array(await reply.arrayBuffer());
  let sent = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (!sent) {
        sent = true;
        controller.enqueue(bytes.subarray(0, Math.ceil(bytes.length / 2)));
        return undefined;
      }
      if (fault.dropReply !== "half") return new Promise<void>(() => {});
      controller.error(new DroppedReply());
      return undefined;
    },
  });
  const broken = new Response(body, reply);
  // Told beforehand: Node 20's fetch takes a chunked body that is cut off for a whole one.
  broken.headers.set("content-length", String(bytes.length));
  return broken;
}
