/** The part of Deno that tests and examples use. `deno check` compares it with Deno's own types. */

interface DenoNamespace {
  readonly version: { readonly deno: string };
  readonly args: readonly string[];
  readonly env: { get(name: string): string | undefined };
  openKv(path?: string): Promise<
    import("../../src/stores/deno-kv.ts").DenoKv & {
      set(key: readonly string[], value: unknown): Promise<unknown>;
      close(): void;
    }
  >;
  cron(
    name: string,
    schedule: string,
    options: { signal?: AbortSignal },
    handler: () => Promise<void>,
  ): Promise<void>;
  serve(handler: (request: Request) => Response | Promise<Response>): unknown;
}

declare const Deno: DenoNamespace;
