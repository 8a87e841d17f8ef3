/** The part of a worker's global scope that is used, and how its pages are heard. */
import { check } from "../errors.ts";
import type { Extendable } from "./hold.ts";

interface Scope {
  readonly document?: unknown;
  readonly registration?: unknown;
  readonly clients?: {
    claim(): Promise<void>;
    matchAll(options: { type: "all" }): Promise<readonly { readonly id: string }[]>;
  };
  addEventListener?(type: string, listener: (event: WorkerEvent) => void): void;
}

interface WorkerEvent extends Partial<Extendable> {
  readonly data: unknown;
  readonly ports: readonly MessagePort[];
  /** The page, where a service worker is told. */
  readonly source?: { readonly id?: string } | null;
}

/** A message that has come, from anybody. */
export interface Message {
  readonly data: unknown;
  readonly ports: readonly MessagePort[];
  /** The page, where a service worker is told. */
  readonly client?: string | undefined;
  /** Holds a service worker open while the message is answered. */
  readonly event?: Extendable | undefined;
}

const scope = (): Scope => globalThis;

export function isServiceWorker(): boolean {
  const { registration, clients } = scope();
  return !!registration && !!clients;
}

/** Claims the pages, so that their first requests pass this worker too. A worker that is not active cannot. */
export async function claimPages(): Promise<void> {
  await scope()
    .clients?.claim()
    .catch(() => {});
}

export async function isControlled(client: string | undefined): Promise<boolean> {
  const pages = await scope().clients?.matchAll({ type: "all" });
  return !!pages?.some(({ id }) => id === client);
}

/** Whether this worker's messages are answered already. */
let isHeard = false;

/** Hears the messages of pages to this worker; none in a window, where messages come from anywhere. */
export function hearPages(hear: (message: Message) => void): void {
  const own = scope();
  if (own.document || !own.addEventListener) return;
  // Two vaults in one worker would both answer, and a password might go to the wrong API.
  check(!isHeard, "one serveVault for each worker");
  isHeard = true;
  own.addEventListener("message", (event) => {
    const { data, ports, source } = event;
    hear({ data, ports, client: source?.id, event: isExtendable(event) ? event : undefined });
  });
  own.addEventListener("connect", ({ ports: [port] }) => {
    port?.addEventListener("message", ({ data, ports }) => hear({ data, ports }));
    port?.start();
  });
}

const isExtendable = (event: Partial<Extendable>): event is Extendable => !!event.waitUntil;
