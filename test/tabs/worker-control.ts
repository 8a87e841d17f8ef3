/** What a test and the vault's worker have in common. */
import type { Watched } from "./count-looks.ts";

/** What the worker is started with, in its URL: all tabs must give the same. */
export interface WorkerConfig {
  readonly api: string;
  readonly isolated?: boolean;
  readonly patience?: number;
  readonly reuseWindow?: number;
  /** The provider's header. */
  readonly header?: string;
  readonly ahead?: number;
  /** The time at which its clock stands still. */
  readonly still?: number;
  /** The phase at which it is held from its start, until it is told to go on. */
  readonly armed?: string;
}

export const CONTROL = "tokenkeep-test";

/** What test and worker tell each other. */
export type Said =
  | { readonly type: "jump" | "jumped"; readonly ahead: number }
  | { readonly type: "arm" | "armed" | "arrived" | "release"; readonly phase: string }
  /** Said whenever the worker has counted something. */
  | ({ readonly type: "counted" } & Watched);

/** What strange workers answer to anything; those that are not listed say nothing. */
export const WORKERS: Readonly<Record<string, unknown>> = {
  newer: { tokenkeep: 2, value: "of no use" },
  refusing: { tokenkeep: 1, error: { code: "worker_unavailable", message: "Other version" } },
  nonsense: { tokenkeep: 1, state: { owner: 1, seq: "many", news: null } },
  text: "hello",
};
