/** Reading what a reply says: capped, narrowed, and never an error (S10). */

/** More than a token reply or an error needs. */
const LONGEST = 65_536;

/** A body's JSON; `undefined` for anything else, and for more than a token or an error needs (S10). */
export async function readJson(response: Response): Promise<unknown> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let chunk; text.length < LONGEST && (chunk = await reader?.read())?.value;)
    text += decoder.decode(chunk.value, { stream: true });
  reader?.cancel().catch(() => {});
  try {
    return text.length < LONGEST ? JSON.parse(text) : undefined;
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
