/** Which requests are not taken: those of another site, and bodies without an end. */
import type { IncomingMessage } from "node:http";

/**
 * Whether a browser sends this for a page of another site, which would act as the visitor (CSRF). Browsers say so in
 * either header; programs send neither.
 */
export function isForeign({ headers }: IncomingMessage): boolean {
  const { origin, host, "sec-fetch-site": site } = headers;
  if (site !== undefined) return site !== "same-origin" && site !== "none";
  return origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host);
}

/** What nobody's email and password come near, in bytes. */
const LONGEST = 10_000;

/** The body's JSON, or `undefined` for one that is too long: a sender may never come to an end. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length;
    if (size > LONGEST) return undefined;
    chunks.push(chunk as Buffer);
  }
  return JSON.parse(Buffer.concat(chunks).toString());
}
