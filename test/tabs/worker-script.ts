/**
 * The vault's worker in these tests, of whichever kind, and what stands in for it in a page. Besides
 * what an application writes, it has a clock that can be moved on, and can be held wherever a refresh
 * touches the store or the network: a test says so over a BroadcastChannel.
 */
import { vmcloud } from "tokenkeep/providers/vmcloud";
import { encrypted } from "tokenkeep/stores/encrypted";
import { indexedDbStore } from "tokenkeep/stores/indexeddb";
import { serveVault } from "tokenkeep/worker";
import type { TokenStore } from "tokenkeep";
import { CONTROL, type Said, type WorkerConfig } from "./worker-control.ts";
import { clockFrom } from "../support/clock.ts";
import { watch } from "./count-looks.ts";

const config = JSON.parse(
  new URL(location.href).searchParams.get("config") ?? "{}",
) as WorkerConfig;

const control = new BroadcastChannel(CONTROL);
const say = (said: Said): void => control.postMessage(said);
const watched = watch((counts) => say({ type: "counted", ...counts }));

/** Where the next call is held. */
let armed = config.armed;
let letGo = (): void => {};
let isStopped = false;

let ahead = config.ahead ?? 0;
const clock = clockFrom(
  config.still,
  () => ahead,
  () => watched.asked > 0 || isStopped,
);

control.onmessage = ({ data }: MessageEvent<Said>) => {
  if (data.type === "jump") {
    ahead = data.ahead;
    say({ type: "jumped", ahead });
  } else if (data.type === "arm") {
    armed = data.phase;
    say({ type: "armed", phase: data.phase });
  } else if (data.type === "release") {
    armed = undefined;
    letGo();
  }
};

/** Waits here if that is where a test wants it. */
async function pass(phase: string): Promise<void> {
  if (armed !== phase) return;
  armed = undefined;
  const released = new Promise<void>((resolve) => (letGo = resolve));
  // No store may be given up meanwhile, which would let the attempt's lock go.
  isStopped = true;
  say({ type: "arrived", phase });
  await released;
  isStopped = false;
}

const inner = encrypted(indexedDbStore());
/** What the next write is about, by the record itself. */
const kindOf = (next: { attemptId?: string | undefined } | undefined): string =>
  next?.attemptId ? "intent" : "commit";

const store: TokenStore = {
  ...inner,
  async read(key) {
    await pass("read");
    return inner.read(key);
  },
  async head(key) {
    await pass("fence");
    const head = await inner.head(key);
    await pass("fence answered");
    return head;
  },
  async write(key, next, expected) {
    const kind = kindOf(next);
    await pass(`${kind} unwritten`);
    const written = await inner.write(key, next, expected);
    await pass(`${kind} written`);
    return written;
  },
};

export const vault = serveVault({
  provider: {
    ...vmcloud({
      baseURL: config.api,
      rotation: "strict",
      ...(config.reuseWindow !== undefined && { reuseWindow: config.reuseWindow }),
    }),
    ...(config.header !== undefined && { header: config.header }),
  },
  dangerouslyAllowLoopbackHttp: true,
  clock,
  store,
  async fetch(input, init) {
    const isRefresh = String(input).endsWith("/refresh");
    const response = await fetch(input, init);
    if (!isRefresh) return response;
    await pass("headers");
    const body = await response.arrayBuffer();
    await pass("reply read");
    return new Response(body, response);
  },
  ...(config.patience !== undefined && { patience: config.patience }),
  ...(config.isolated && { isolated: true }),
});

const scope = globalThis as unknown as {
  skipWaiting?(): Promise<void>;
  addEventListener(type: string, listener: (event: Event) => void): void;
};
if (scope.skipWaiting) {
  scope.addEventListener("install", () => void scope.skipWaiting!());
  if (config.isolated) scope.addEventListener("fetch", (event) => void vault.attachTokens(event));
}
