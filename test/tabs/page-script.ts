/**
 * What runs in every tab of these tests: a vault as an application makes it, a clock that can be
 * moved on, and tools that say what became of a call in plain values, for `page.evaluate`.
 */
import {
  type BrowserVaultOptions,
  createVault,
  isVaultError,
  type Vault,
  type VaultEvent,
} from "tokenkeep/browser";
import type { PasswordCredentials } from "tokenkeep/providers/password";
import { vmcloud } from "tokenkeep/providers/vmcloud";
import { connect, type Owner } from "./worker-page.ts";
import { clockFrom } from "../support/clock.ts";
import { watch, type Watched } from "./count-looks.ts";

/** Travels in the page's URL, so that a reload keeps it. Everything but `api` has a default. */
export interface Config {
  /** The API's origin. */
  readonly api: string;
  readonly reuseWindow?: number;
  readonly patience?: number;
  readonly maxStaleness?: number;
  /** How far this tab's clock is ahead, milliseconds. */
  readonly ahead?: number;
  /** The time at which this tab's clock stands still, and its worker's: only `jump` moves it. */
  readonly still?: number;
  /** `false` takes Web Locks from this tab. */
  readonly locks?: false;
  /** `false` takes BroadcastChannel from this tab. */
  readonly channel?: false;
  /** The page's content security policy; none by default. */
  readonly policy?: string;
  /** A worker that runs the vault; by default the page does. */
  readonly owner?: Owner;
}

/** How one call ended. */
export interface Ended {
  /** `"200"`, a vault error's code, or any other error's name. */
  readonly result: string;
  /** An error's message. */
  readonly message?: string;
}

/** How many calls ended in which way. */
export interface Tally {
  readonly results: Readonly<Record<string, number>>;
}

export interface Kit {
  readonly api: string;
  /** What the vault has told its observers. */
  readonly events: VaultEvent[];
  /** What this tab's own engine does to learn of the others. */
  readonly watched: Watched;
  /** Moves both clocks of this tab on. Timers run as before: they are hints. */
  jump(ms: number): void;
  /** Any call, its end told. A `Response` is told by its status. */
  call(run: () => Promise<unknown>): Promise<Ended>;
  /** Sends `count` requests in one task: GETs, POSTs with a text, POSTs as `Request`, in turn. */
  burst(count: number, first?: number): Promise<Tally>;
  /** What IndexedDB holds, without the library: every value's strings and bytes, as Latin-1. */
  dumpDatabases(): Promise<string>;
}

declare global {
  interface Window {
    vault: Vault<PasswordCredentials>;
    kit: Kit;
    makeVault: (
      options?: Partial<BrowserVaultOptions<PasswordCredentials>>,
    ) => Vault<PasswordCredentials>;
  }
}

const config = JSON.parse(new URL(location.href).searchParams.get("config") ?? "{}") as Config;
// A reloaded page is as far ahead as it was before.
let ahead = Number(sessionStorage.getItem("ahead") ?? config.ahead ?? 0);

if (config.locks === false)
  Object.defineProperty(Navigator.prototype, "locks", { value: undefined });
if (config.channel === false) Reflect.deleteProperty(window, "BroadcastChannel");

const watched = watch();
const clock = clockFrom(
  config.still,
  () => ahead,
  () => watched.asked > 0,
);

window.makeVault = (options = {}) => {
  const { api, reuseWindow, patience, maxStaleness } = config;
  const renewal = reuseWindow === undefined ? {} : { reuseWindow };
  return createVault({
    provider: vmcloud({ baseURL: api, rotation: "strict", ...renewal }),
    dangerouslyAllowLoopbackHttp: true,
    clock,
    ...(patience !== undefined && { patience }),
    ...(maxStaleness !== undefined && { maxStaleness }),
    ...options,
  });
};

const events: VaultEvent[] = [];

async function call(run: () => Promise<unknown>): Promise<Ended> {
  try {
    const value = await run();
    return { result: value instanceof Response ? String(value.status) : "ok" };
  } catch (error) {
    const { name, message } = error as Error;
    return { result: isVaultError(error) ? error.code : name, message };
  }
}

/** One request of a burst. The server echoes what it got, so a changed body does not go unnoticed. */
async function send(n: string, kind: number): Promise<string> {
  const url = `${config.api}/v1/echo?n=${n}`;
  const body = kind % 3 === 0 ? undefined : `body of ${n}`;
  const init = body === undefined ? {} : { method: "POST", body };
  const response = await (kind % 3 === 2
    ? window.vault.fetch(new Request(url, init))
    : window.vault.fetch(url, init));
  if (response.status !== 200) return String(response.status);
  const echo = (await response.json()) as { body: string };
  return echo.body === (body ?? "") ? "200" : "200 with another body";
}

window.kit = {
  api: config.api,
  events,
  watched,
  jump(ms) {
    ahead += ms;
    sessionStorage.setItem("ahead", String(ahead));
  },
  call,
  async burst(count, first = 0) {
    const sent = Array.from({ length: count }, (_, index) => {
      let result = "";
      return call(async () => {
        result = await send(String(first + index), first + index);
      }).then((ended) => (ended.result === "ok" ? { ...ended, result } : ended));
    });
    const all = await Promise.all(sent);
    const results: Record<string, number> = {};
    for (const { result } of all) results[result] = (results[result] ?? 0) + 1;
    return { results };
  },
  async dumpDatabases() {
    const texts: string[] = [];
    for (const { name = "" } of await indexedDB.databases()) {
      const db = await done(indexedDB.open(name));
      for (const store of db.objectStoreNames) {
        const table = db.transaction(store).objectStore(store);
        const [keys, values] = [done(table.getAllKeys()), done(table.getAll())];
        collect([await keys, await values], texts);
      }
      db.close();
    }
    return texts.join("\n");
  },
};

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Everything that could hold a token, whatever it is wrapped in. */
function collect(value: unknown, texts: string[]): void {
  if (value instanceof ArrayBuffer) collect(new Uint8Array(value), texts);
  else if (value instanceof Uint8Array) texts.push(String.fromCharCode(...value));
  else if (typeof CryptoKey === "function" && value instanceof CryptoKey)
    texts.push(`key, extractable: ${value.extractable}`);
  else if (typeof value === "object" && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      texts.push(name);
      collect(member, texts);
    }
  } else texts.push(String(value));
}

// A test may want a page without a vault, to make one with options of its own.
if (config.api) {
  window.vault = config.owner ? connect(config, config.owner) : window.makeVault();
  window.vault.events((event) => events.push(event));
}
