/** The page's side of a vault in a worker, and its hand on that worker. */
import type { PasswordCredentials } from "tokenkeep/providers/password";
import { connectVault, type VaultWorker } from "tokenkeep/worker";
import type { Vault } from "tokenkeep";
import type { Config } from "./page-script.ts";
import type { Watched } from "./count-looks.ts";
import { CONTROL, type Said, type WorkerConfig } from "./worker-control.ts";

/** How a page comes to its vault. */
export interface Owner {
  readonly kind: "shared" | "dedicated" | "service";
  /** One of the workers that are no use. */
  readonly strange?: string;
  /** The worker's script; `"/worker-script.js"` by default. */
  readonly script?: string;
  /** Whether the page may run the engine itself. */
  readonly fallback?: boolean;
  readonly isolated?: boolean;
  /** The provider's header. */
  readonly header?: string;
  /** Lets a shared worker live on for a while after its last tab, where the browser can. */
  readonly extended?: boolean;
  readonly timeout?: number;
  /** The phase of a refresh at which the worker is held from its start. */
  readonly armed?: string;
  readonly account?: string;
}

declare global {
  interface Window {
    /** Tells the worker something, and answers with what it says to that, if it is to say `until`. */
    tellWorker: (said: Said, until?: Said["type"]) => Promise<Said | undefined>;
    /** What the worker has counted last, if there is one. */
    workerWatched?: Watched;
    /** Answers when the worker is held at its phase. */
    workerHeld: Promise<void>;
  }
}

/** The test's hand on the worker, in pages that have one. */
function takeControl(): void {
  const control = new BroadcastChannel(CONTROL);
  control.addEventListener("message", ({ data }: MessageEvent<Said>) => {
    if (data.type === "counted") window.workerWatched = data;
  });
  window.workerHeld = new Promise((resolve) => {
    control.addEventListener("message", ({ data }) => data.type === "arrived" && resolve());
  });
  window.tellWorker = (said, until) =>
    new Promise((resolve) => {
      if (!until) resolve(undefined);
      control.addEventListener("message", ({ data }) => data.type === until && resolve(data));
      control.postMessage(said);
    });
}

export function connect(config: Config, owner: Owner): Vault<PasswordCredentials> {
  takeControl();
  const { api, patience, reuseWindow, still } = config;
  const { kind, script = "/worker-script.js", isolated, header, account, timeout, armed } = owner;
  const given = {
    api,
    ...(patience !== undefined && { patience }),
    ...(reuseWindow !== undefined && { reuseWindow }),
    ...(isolated && { isolated }),
    ...(header !== undefined && { header }),
    ...(still !== undefined && { still }),
    ...(armed !== undefined && { armed }),
  };
  const start = async (): Promise<VaultWorker> => {
    // A worker that is started again has its predecessor's clock.
    const ahead = Number(sessionStorage.getItem("ahead") ?? config.ahead ?? 0);
    const started: WorkerConfig = { ...given, ...(kind === "shared" && { ahead }) };
    if (owner.strange) return new SharedWorker(`/worker-mute-or-newer.js?strange=${owner.strange}`);
    const url = `${script}?config=${encodeURIComponent(JSON.stringify(started))}`;
    const options = { type: "module", extendedLifetime: !!owner.extended } as const;
    if (kind === "shared") return new SharedWorker(url, options);
    if (kind === "dedicated") return new Worker(url, { type: "module" });
    await navigator.serviceWorker.register(url, { type: "module" });
    return navigator.serviceWorker.ready;
  };
  return connectVault<PasswordCredentials>(start, {
    ...(owner.fallback && { fallback: () => import("./worker-script.ts") }),
    ...(account !== undefined && { account }),
    ...(timeout !== undefined && { timeout }),
  });
}
