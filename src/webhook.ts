/**
 * Verifies webhooks: HMAC-SHA-256 over the raw bytes, by Web Crypto, which compares in constant time.
 *
 * @example
 * ```ts
 * import { verifyWebhook } from "tokenkeep/webhook";
 *
 * export async function receive(request: Request, secret: string): Promise<Response> {
 *   const hook = await verifyWebhook(request, { secret });
 *   if (!hook.ok) return new Response(hook.reason, { status: 400 });
 *   console.info(hook.json());
 *   return new Response(null, { status: 204 });
 * }
 * ```
 *
 * @module
 */
import { check } from "./errors.ts";
import type { Bytes } from "./types.ts";

interface Common {
  /**
   * The shared secret, or several while one replaces the other. The bytes of a text are its UTF-8; in
   * Standard Webhooks a text is base64, with or without `whsec_`. Bytes are taken as they are.
   */
  readonly secret: WebhookSecret | readonly WebhookSecret[];
  /**
   * Takes secrets of fewer than 24 bytes, with one warning instead of an error, for a sender that gives
   * no longer ones. A stranger who has seen one delivery can try such secrets out. `false` by default.
   */
  readonly dangerouslyAllowShortSecret?: boolean;
  /** The longest body that is read, in bytes; 1,048,576 (1 MiB) by default. */
  readonly maxBytes?: number;
}

/** A text, or its bytes: 24 at least. */
export type WebhookSecret = string | Uint8Array;

/** One header holds a prefix and the HMAC of the body in lower-case hex, as VMCloud sends it. */
export interface HexWebhookOptions extends Common {
  /** The default scheme. */
  readonly scheme?: "hex";
  /** The header's name; `X-Webhook-Signature` by default. */
  readonly header?: string;
  /** What stands before the hex digits; `sha256=` by default. */
  readonly prefix?: string;
}

/** Standard Webhooks 1.0.0: `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,<base64>`. */
export interface StandardWebhookOptions extends Common {
  readonly scheme: "standard";
  /** How far the timestamp may be off, either way; 300,000 ms (five minutes) by default. */
  readonly tolerance?: number;
  /** The clock, milliseconds since the epoch; `Date.now` by default. */
  readonly now?: () => number;
}

/** The options of {@link verifyWebhook}. */
export type WebhookOptions = HexWebhookOptions | StandardWebhookOptions;

/** Why a webhook was not verified. */
export type WebhookRefusal =
  /** A header that the scheme needs is absent, or holds no signature of a known version. */
  | "missing_signature"
  /** A header has not the exact form of the scheme. */
  | "malformed_signature"
  /** None of the secrets gives one of the signatures for this body. */
  | "signature_mismatch"
  /** The timestamp is too far in the past. */
  | "too_old"
  /** The timestamp is too far in the future. */
  | "too_new"
  /** The body is longer than `maxBytes`; the rest of it was not read. */
  | "too_large"
  /** The body was read before, or broke off. */
  | "unreadable_body";

/** The verified delivery, or why there is none: look at `ok`. */
export type WebhookResult =
  | {
      readonly ok: true;
      /** The very bytes that were verified. The request cannot be read again. */
      readonly body: Bytes;
      /** The verified bytes as text. Throws a `TypeError` where they are not UTF-8. */
      text(): string;
      /** The text as JSON, of any shape. Throws a `SyntaxError` where the text is no JSON. */
      json(): unknown;
      /** The delivery's id, the same at each attempt: Standard Webhooks only. */
      readonly id?: string;
      /** When this attempt was made, milliseconds since the epoch: Standard Webhooks only. */
      readonly timestamp?: number;
    }
  | { readonly ok: false; readonly reason: WebhookRefusal };

/** What is signed with the body, and the signatures that may be right. */
interface Claim {
  readonly before: string;
  readonly signatures: readonly Bytes[];
  readonly id?: string;
  readonly timestamp?: number;
}

/** More signatures than any rotation needs only cost time. */
const MOST = 16;

/** In bytes: the least that Standard Webhooks allow. */
const SHORTEST = 24;

let hasWarned = false;

/**
 * Verifies a request, whose body it reads once and up to a limit. Nothing that a sender may send makes it
 * throw: look at `ok`. Where the headers are wrong already, the body is not read.
 *
 * **Replay.** `sha256=<hex>` covers the body alone and has no time in it, so that anybody who has seen a
 * delivery can send it again, for ever. Keep the ids of the deliveries that you have handled (they stand
 * in the body), and drop repeats. In Standard Webhooks the timestamp is signed too, so that ids have to
 * be kept for the tolerance only.
 *
 * @throws VaultError `invalid_option` when an option is missing or wrong; it shows no secret.
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 *
 * @example
 * ```ts
 * import { verifyWebhook } from "tokenkeep/webhook";
 *
 * declare const request: Request;
 * declare const secrets: { current: string; previous: string };
 *
 * const hook = await verifyWebhook(request, {
 *   scheme: "standard",
 *   secret: [secrets.current, secrets.previous],
 * });
 * if (hook.ok) console.info(hook.id, hook.text());
 * ```
 */
export async function verifyWebhook(
  request: Request,
  given: WebhookOptions,
): Promise<WebhookResult> {
  // What is put on `Object.prototype` is no option: a `tolerance` there would end the replay protection (S15).
  const options: WebhookOptions = Object.assign(Object.create(null), given);
  const { secret, maxBytes = 1_048_576 } = options;
  const isStandard = options.scheme === "standard";
  check(isStandard || (options.scheme ?? "hex") === "hex", "scheme");
  check(Number.isSafeInteger(maxBytes) && maxBytes > 0, "maxBytes, a whole number of bytes");
  const secrets: readonly unknown[] = [secret].flat();
  check(secrets.length > 0 && secrets.length <= MOST, "secret, one or a few");
  const keys = await Promise.all(secrets.map((one) => importKey(one, options)));

  const claim = isStandard
    ? readStandard(request.headers, options)
    : readHex(request.headers, options);
  if (typeof claim === "string") return { ok: false, reason: claim };
  const body = await readBody(request, maxBytes);
  if (typeof body === "string") return { ok: false, reason: body };

  const { before, signatures, ...about } = claim;
  const start = new TextEncoder().encode(before);
  const signed = new Uint8Array(start.length + body.length);
  signed.set(start);
  signed.set(body, start.length);
  // Signed once for each secret, however many signatures a stranger sends.
  const marker = await importKey(crypto.getRandomValues(new Uint8Array(32)), options);
  for (const key of keys)
    if (await isAmong(signatures, await sign(key, signed), marker)) {
      const text = (): string =>
        new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(body);
      return { ok: true, ...about, body, text, json: (): unknown => JSON.parse(text()) };
    }
  return { ok: false, reason: "signature_mismatch" };
}

/**
 * Whether one of the signatures is the right one. They are compared by their own HMACs under a random key, which Web
 * Crypto does in constant time.
 */
async function isAmong(
  signatures: readonly Bytes[],
  right: ArrayBuffer,
  marker: CryptoKey,
): Promise<boolean> {
  const mark = await sign(marker, right);
  for (const signature of signatures)
    if (await crypto.subtle.verify({ name: "HMAC" }, marker, mark, signature)) return true;
  return false;
}

const sign = (key: CryptoKey, data: Bytes | ArrayBuffer): Promise<ArrayBuffer> =>
  crypto.subtle.sign({ name: "HMAC" }, key, data);

function importKey(secret: unknown, options: WebhookOptions): Promise<CryptoKey> {
  const isStandard = options.scheme === "standard";
  let bytes: Bytes | undefined;
  if (secret instanceof Uint8Array) bytes = secret.slice();
  // A secret that reads `undefined` comes of a variable that is not set, and anybody could sign with it.
  else if (typeof secret === "string" && !/^\s|\s$|^(undefined|null)$/.test(secret))
    bytes = isStandard
      ? fromBase64(secret.replace(/^whsec_/, ""))
      : new TextEncoder().encode(secret);
  check(
    bytes?.length,
    isStandard
      ? "secret, of whsec_ and base64: look for spaces and line breaks"
      : "secret, which is not empty and neither begins nor ends with a space",
  );
  if (bytes.length < SHORTEST) warnOfShort(options);
  // Every member is set: a polluted `Object.prototype.length` would shorten the key.
  const algorithm = { name: "HMAC", hash: { name: "SHA-256" }, length: bytes.length * 8 };
  return crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign", "verify"]);
}

function warnOfShort({ dangerouslyAllowShortSecret }: WebhookOptions): void {
  check(dangerouslyAllowShortSecret, `secret, of at least ${SHORTEST} bytes`);
  if (hasWarned) return;
  hasWarned = true;
  // oxlint-disable-next-line no-console
  console.warn(
    `tokenkeep: a webhook secret has fewer than ${SHORTEST} bytes. Who sees one delivery can try such ` +
      "secrets out, and sign deliveries. Ask for a longer one.",
  );
}

/** As on VMCloud's page: `sha256=` and what Python's `hexdigest()` gives. */
function readHex(
  headers: Headers,
  { header = "x-webhook-signature", prefix = "sha256=" }: HexWebhookOptions,
): Claim | WebhookRefusal {
  check(/^[\w!#$%&'*+.^`|~-]+$/.test(header), "header");
  check(typeof prefix === "string", "prefix");
  const value = headers.get(header);
  if (value === null) return "missing_signature";
  const hex = value.slice(prefix.length);
  if (!value.startsWith(prefix) || !/^[\da-f]{64}$/.test(hex)) return "malformed_signature";
  const signature = Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
  return { before: "", signatures: [signature] };
}

/** The specification's "Webhook headers" and "Signature scheme". */
function readStandard(
  headers: Headers,
  { tolerance = 300_000, now = Date.now }: StandardWebhookOptions,
): Claim | WebhookRefusal {
  check(tolerance >= 0 && tolerance < Infinity, "tolerance, milliseconds");
  const id = headers.get("webhook-id");
  const time = headers.get("webhook-timestamp");
  const list = headers.get("webhook-signature");
  if (id === null || time === null || list === null) return "missing_signature";
  const parts = list.split(" ");
  // A dot in the id would let one message pass for another: the dots are what separates the fields.
  if (
    !/^[!-\-/-~]{1,256}$/.test(id) ||
    !/^[1-9]\d{0,11}$/.test(time) ||
    parts.length > MOST ||
    !parts.every((part) => /^v\d[\da-z]*,[\w+/=-]+$/.test(part))
  )
    return "malformed_signature";
  const signatures = parts
    .filter((part) => part.startsWith("v1,"))
    .map((part) => fromBase64(part.slice(3)));
  if (!signatures.length) return "missing_signature";
  if (!signatures.every(isWhole)) return "malformed_signature";
  const timestamp = Number(time) * 1000;
  const age = now() - timestamp;
  // Written with `!`, so that a clock that gives no number verifies nothing.
  if (!(age <= tolerance)) return "too_old";
  if (!(age >= -tolerance)) return "too_new";
  return { before: `${id}.${time}.`, signatures, id, timestamp };
}

/** An HMAC with SHA-256 has 32 bytes. */
const isWhole = (bytes: Bytes | undefined): bytes is Bytes => bytes?.length === 32;

/** Exact base64 (RFC 4648 §4), or `undefined`: one text for one sequence of bytes. */
function fromBase64(text: string): Bytes | undefined {
  try {
    const binary = atob(text);
    if (btoa(binary) === text) return Uint8Array.from(binary, (char) => char.charCodeAt(0));
  } catch {}
  return undefined;
}

/** The body, whole, or why there is none. */
async function readBody(request: Request, most: number): Promise<Bytes | WebhookRefusal> {
  try {
    if (request.bodyUsed) return "unreadable_body";
    const { body }: { body?: Request["body"] } = request;
    if (!body) {
      // Firefox does not show a request's body.
      const bytes = new Uint8Array(await request.arrayBuffer());
      return bytes.length > most ? "too_large" : bytes;
    }
    const reader = body.getReader();
    const chunks: Uint8Array[] = [];
    let size = 0;
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.byteLength;
      if (!(size <= most)) {
        reader.cancel().catch(() => {});
        return Number.isNaN(size) ? "unreadable_body" : "too_large";
      }
      // Copied, because a stream may use its buffer again. (Node's `Buffer.slice` copies nothing.)
      chunks.push(new Uint8Array(part.value));
    }
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  } catch {
    return "unreadable_body";
  }
}
