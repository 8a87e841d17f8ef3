/** What the tests use of `cloudflare:test` and the runtime. The full types would hide the DOM's. */
declare module "cloudflare:test" {
  import type { Namespace, ObjectState, Stub } from "./strict-vmcloud.ts";

  export function runInDurableObject<T>(
    stub: Stub,
    callback: (instance: object, state: ObjectState) => T | Promise<T>,
  ): Promise<T>;
  export function runDurableObjectAlarm(stub: Stub): Promise<boolean>;
  export function evictDurableObject(stub: Stub): Promise<void>;
  export function listDurableObjectIds(namespace: Namespace): Promise<unknown[]>;
  export function createScheduledController(options: object): { readonly cron: string };
  export function createMessageBatch(name: string, messages: readonly object[]): never;
  export function getQueueResult(
    batch: object,
    ctx: object,
  ): Promise<{
    explicitAcks: string[];
    retryMessages: { msgId: string; delaySeconds?: number }[];
  }>;
  export function createExecutionContext(): { waitUntil(promise: Promise<unknown>): void };
  export function waitOnExecutionContext(ctx: object): Promise<void>;
}

declare module "cloudflare:workers" {
  export abstract class WorkflowEntrypoint {
    protected env: object;
    protected ctx: { waitUntil(promise: Promise<unknown>): void };
    run(event: unknown, step: unknown): Promise<unknown>;
  }
  export const env: import("./strict-vmcloud.ts").Env;
  export const exports: {
    default: { fetch(input: string | Request, init?: RequestInit): Promise<Response> };
  };
}
