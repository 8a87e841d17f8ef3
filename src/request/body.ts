/** Bodies: sent as they were at the call, and once more as the same bytes (P11), within a limit. */
import { says } from "../guard/json.ts";
import { readerOf } from "../guard/streams.ts";
import { within } from "../guard/within.ts";
import type { Body, KeptBody, VaultRequestInit } from "./contract.ts";

/** How many bytes of a `Request`'s body are kept by default. */
export const MAX_REPLAY = 1_048_576;

/** How many milliseconds a second send waits for a body that was answered before it had ended. */
const STALL = 1_000;

const always = (): boolean => true;

/** Keeps a call's body, so that it may be sent again. */
export function keepBody(
  body: VaultRequestInit["body"],
  request: Request | undefined,
  most: number = MAX_REPLAY,
): KeptBody {
  if (typeof body === "function") return { first: body(), isKept: always, again: body };
  if (body != null) {
    const kept = lasting(body);
    // Each send has a copy of its own, because what is sent is the sender's to change (F68).
    const again = (): Body | undefined => kept && lasting(kept);
    return { first: again() ?? body, isKept: () => kept !== undefined, again };
  }
  return !request || hasNoBody(request)
    ? { first: undefined, isKept: always, again: () => undefined }
    : readAlong(Request.prototype.clone.call(request), most);
}

/** Firefox does not show a request's body; the other engines say when there is none. */
export const hasNoBody = ({ body, method }: Request): boolean =>
  body === null || /^(get|head)$/i.test(method);

const can = (body: object, name: string): boolean => name in body && says(body, name);

const isBytes = (body: object): body is ArrayBuffer => can(body, "byteLength");

/** A form, or parameters, which have no files in them. */
const isForm = (body: object): body is FormData => can(body, "getAll");

/**
 * A copy of a body, which its owner cannot change meanwhile; `undefined` for a stream. The kind of a body
 * shows in its methods, because a body of another realm, such as a frame's, is no instance of a class here.
 */
export function lasting(body: Body): Body | undefined {
  if (typeof body === "string") return body;
  // Types do not allow a number, and `fetch` sends its text.
  if (typeof body !== "object") return `${body}`;
  if (can(body, "stream")) return body;
  if (isBytes(body)) return new Blob([body]);
  if (!isForm(body)) return undefined;
  // Of the body's own class: another library's `fetch` knows its own forms alone (F75).
  const copy: FormData = can(body, "sort")
    ? new URLSearchParams()
    : Reflect.construct(body.constructor, []);
  body.forEach((value, name) => copy.append(name, value));
  return copy;
}

/**
 * A `Request`'s body is read along with its first send, from a copy, up to the limit: a copy that nobody
 * reads would grow to the size of the whole (F100). Its bytes have no type: the headers tell that.
 */
export function readAlong(copy: Request, most: number = MAX_REPLAY): KeptBody {
  let blob: Blob | undefined;
  // A copy that cannot be read in parts is no stream, and costs nothing.
  const read = copy.body ? readUpTo(copy.body, most) : undefined;
  return {
    first: undefined,
    async isKept() {
      blob ??= await (read ? within(read, STALL) : copy.blob());
      return blob !== undefined;
    },
    again: () => blob?.slice(),
  };
}

/** The whole body, or `undefined` as soon as it is longer than `most`, or breaks off. */
export async function readUpTo(
  body: ReadableStream<Uint8Array>,
  most: number,
): Promise<Blob | undefined> {
  const reader = readerOf(body);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.byteLength;
      if (size > most) {
        // From here on the first send alone reads. The cancelling ends only with it: nobody waits.
        reader.cancel().catch(() => {});
        return undefined;
      }
      // Some streams hand out one buffer again and again.
      parts.push(new Uint8Array(part.value));
    }
  } catch {
    return undefined;
  }
  return new Blob(parts);
}
