/** A test API's log: what became of each call, in the order in which it happened. */

/**
 * `"left"`: its connection closed before its reply was ready. `"over"`: its reply is ready, or its
 * connection is to be dropped.
 */
export type What = "arrived" | "held" | "left" | "let go" | "over";

/** JSON, so that it can come from the control server. */
export interface Logged<Kind extends string = string> {
  readonly kind: Kind;
  /** Which call of this kind, counted from 1. */
  readonly call: number;
  readonly what: What;
}

export interface Log<Kind extends string> {
  /** Notes a call that has arrived, and answers with what notes the rest. */
  begin(kind: Kind, signal?: AbortSignal): (what: "held" | "let go" | "over") => void;
  read(): readonly Logged<Kind>[];
}

export function createLog<Kind extends string>(): Log<Kind> {
  const entries: Logged<Kind>[] = [];
  const calls = new Map<Kind, number>();

  return {
    begin(kind, signal) {
      const call = (calls.get(kind) ?? 0) + 1;
      calls.set(kind, call);
      const note = (what: What): void => void entries.push({ kind, call, what });
      const leave = (): void => note("left");
      note("arrived");
      signal?.addEventListener("abort", leave, { once: true });
      return (what) => {
        if (what === "over") signal?.removeEventListener("abort", leave);
        note(what);
      };
    },
    read: () => [...entries],
  };
}

/** The log of one kind of endpoint in words: `"1 arrived"`, `"1 held"`. */
export const wordsOf = (log: readonly Logged[], kind: string): string[] =>
  log.filter((one) => one.kind === kind).map(({ call, what }) => `${call} ${what}`);
