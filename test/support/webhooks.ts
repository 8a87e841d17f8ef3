/** Sends webhooks as the two schemes do, by Web Crypto alone, so that it runs in every runtime. */

import type { WebhookResult } from "../../src/webhook.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

export const utf8 = (text: string): Bytes => new TextEncoder().encode(text);

export const fromHex = (hex: string): Bytes =>
  Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));

export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

export const fromBase64 = (text: string): Bytes =>
  Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

export async function hmac(key: Bytes, data: Bytes): Promise<Bytes> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}

export interface Delivery {
  readonly secret: string;
  readonly body: string | Bytes;
}

const bytesOf = (body: string | Bytes): Bytes => (typeof body === "string" ? utf8(body) : body);

/** What VMCloud puts into `X-Webhook-Signature`. */
export async function hexSignature({ secret, body }: Delivery): Promise<string> {
  return `sha256=${toHex(await hmac(utf8(secret), bytesOf(body)))}`;
}

/** One entry of `webhook-signature`. `timestamp` is in seconds; the secret begins with `whsec_`. */
export async function standardSignature(
  { secret, body }: Delivery,
  id: string,
  timestamp: string,
): Promise<string> {
  const [start, end] = [utf8(`${id}.${timestamp}.`), bytesOf(body)];
  const signed = new Uint8Array(start.length + end.length);
  signed.set(start);
  signed.set(end, start.length);
  return `v1,${toBase64(await hmac(fromBase64(secret.slice("whsec_".length)), signed))}`;
}

export const webhook = (headers: HeadersInit, body: string | Bytes | ReadableStream): Request =>
  new Request("https://app.test/hooks", {
    method: "POST",
    headers,
    body,
    ...(body instanceof ReadableStream && { duplex: "half" }),
  });

/** As VMCloud sends it. */
export const hexWebhook = async (delivery: Delivery): Promise<Request> =>
  webhook({ "x-webhook-signature": await hexSignature(delivery) }, delivery.body);

/** As Standard Webhooks have it. `at` is in milliseconds. */
export async function standardWebhook(
  delivery: Delivery,
  { id = "msg_1", at = Date.now() }: { id?: string; at?: number } = {},
): Promise<Request> {
  const timestamp = String(Math.floor(at / 1000));
  const headers = {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": await standardSignature(delivery, id, timestamp),
  };
  return webhook(headers, delivery.body);
}

export const secret: string = "hook-secret-of-vmcloud-and-more";
export const older: string = "hook-secret-of-last-year";
export const whsec: string = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
export const olderWhsec: string = `whsec_${toBase64(utf8("another secret of 24 byte"))}`;
export const body: string = '{"event":"vm.started","id":"évt_1"}';

/** The reference vector, with whatever headers differ. */
export const reference = (headers: Record<string, string> = {}): Request =>
  webhook(
    {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
      ...headers,
    },
    '{"test": 2432232314}',
  );

export async function reasonOf(result: Promise<WebhookResult>): Promise<string> {
  const got = await result;
  return got.ok ? "verified" : got.reason;
}
