/** A worker's part, and what its pages post to it. */
import { afterEach, beforeEach, vi } from "vitest";
import type { PasswordCredentials } from "../../../src/providers/password.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { ServedVault, ServeOptions } from "../../../src/worker.ts";
import { settle } from "../../support/clock.ts";
import { acme, fakeApi, type FakeApi, ORIGIN } from "../../support/fake-api.ts";

export const VMS: string = `${ORIGIN}/v1/vms`;

type Listener = (event: unknown) => void;

export interface Answered {
  readonly tokenkeep: number;
  readonly value?: unknown;
  readonly error?: { code: string; message: string };
  readonly state?: Record<string, unknown>;
}

/** What the worker's vault talks to; each test's own. */
export let api: FakeApi;
let heard: Map<string, Listener>;
const open: { close(): void }[] = [];

beforeEach(() => {
  api = fakeApi();
  heard = new Map();
  vi.stubGlobal("addEventListener", (type: string, listener: Listener) =>
    heard.set(type, listener),
  );
  // Each test is a worker of its own.
  vi.resetModules();
});

afterEach(() => {
  vi.unstubAllGlobals();
  for (const one of open.splice(0)) one.close();
});

export async function serve(
  options: Partial<ServeOptions<PasswordCredentials>> = {},
): Promise<ServedVault> {
  const { serveVault } = await import("../../../src/worker.ts");
  return serveVault({ provider: acme(), store: memoryStore(), fetch: api.fetch, ...options });
}

export const question = (type: string, ...args: unknown[]): Record<string, unknown> => ({
  tokenkeep: 1,
  type,
  account: "default",
  args: JSON.stringify(args),
});

/** What comes to the worker, whatever it is. */
export const hear = (message: object): void => heard.get("message")!(message);

/** Posts to the worker as a page does, and waits for what it says. */
export function post(data: unknown, more: object = {}): Promise<Answered> {
  const { port1, port2 } = new MessageChannel();
  open.push(port1);
  return new Promise((resolve) => {
    port1.onmessage = (event) => resolve(event.data);
    hear({ data, ports: [port2], ...more });
  });
}

/** The same, where nothing should be said: not within as many turns as any answer needs. */
export async function silence(data: unknown): Promise<boolean> {
  const said = post(data).then(() => false);
  for (let turn = 0; turn < 20; turn++) await settle();
  return Promise.race([said, Promise.resolve(true)]);
}

export const code = async (data: unknown): Promise<string | undefined> =>
  (await post(data)).error?.code;

/** A service worker's scope, with one page that it controls. */
export function beServiceWorker(): void {
  vi.stubGlobal("registration", {});
  vi.stubGlobal("clients", {
    claim: async () => {},
    matchAll: async () => [{ id: "controlled" }],
  });
}

/** An event that notes what holds it. */
export function event(data: object): {
  held: Promise<unknown>[];
  waitUntil(p: Promise<unknown>): void;
} {
  const held: Promise<unknown>[] = [];
  return { ...data, held, waitUntil: (promise) => void held.push(promise) };
}

export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => (settled = true));
  await settle();
  return settled;
}
