/** Reads replies: up to a limit, narrowed, and without throwing (S10). */
import { own, parse } from "./json.ts";
import { readerOf } from "./streams.ts";

export interface Reading {
  /** The longest body that is read, in bytes; 1 MiB by default, for tokens with many claims in them (F77). */
  readonly most?: number;
  /** Ends the reading when it settles: the part that has come counts as the body. */
  readonly until?: Promise<unknown>;
}

/** A body's text; `undefined` where it is too long. */
export async function readText(response: Response, reading?: Reading): Promise<string | undefined> {
  const { most = 1_048_576, until } = own({ ...reading });
  // Some runtimes' responses show no stream, or one of another kind.
  if (!response.body?.getReader) return response.text();
  const reader = readerOf(response.body);
  const cancel = (): void => void reader.cancel().catch(() => {});
  void until?.then(cancel);
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    // Written with `!`, so that a chunk of another kind ends the reading too.
    if (!(size <= most)) break;
    text += decoder.decode(value, { stream: true });
  }
  cancel();
  return undefined;
}

/** A text's JSON; `undefined` for a text that is none. */
export function jsonIn(text: string | undefined): unknown {
  try {
    return parse(text ?? "");
  } catch {
    return undefined;
  }
}

/** Milliseconds to wait by a `Retry-After` value: seconds, or a date (RFC 9110 §10.2.3). */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  if (!value) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now;
  return ms >= 0 ? ms : undefined;
}
