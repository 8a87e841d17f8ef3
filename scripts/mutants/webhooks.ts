/** Mutants of webhooks: see `mutant.ts`. */
import type { WebhookOptions, WebhookResult } from "../../src/webhook.ts";
import { type Mutant, over, type Wrap, wrapper } from "./mutant.ts";
import { CONTRACTS } from "./tests.ts";

const ofWebhook = wrapper<typeof import("../../src/webhook.ts")>("src/webhook.ts");

type Verify = (request: Request, options: WebhookOptions) => Promise<WebhookResult>;

const verifying = (change: (original: Verify) => Verify): Wrap =>
  ofWebhook("verifyWebhook", change);

/** The request with other headers, and with its body or another one. */
const made = (
  request: Request,
  change: (headers: Headers) => void,
  body: BodyInit | null = request.body,
): Request => {
  const headers = new Headers(request.headers);
  change(headers);
  return new Request(request.url, { method: "POST", headers, body, duplex: "half" } as RequestInit);
};

/** Base64 in its one exact spelling, if it is any. */
function exact(text: string): string {
  try {
    return btoa(atob(text));
  } catch {
    return text;
  }
}

/** A request whose body hands out its chunks' buffers, so that a copy of one is none. */
function sharing(request: Request): Request {
  const { body } = request;
  if (!body) return request;
  const shared = over(body, {
    getReader: (() => {
      const reader = body.getReader();
      return {
        cancel: () => reader.cancel(),
        async read() {
          const part = await reader.read();
          return part.done ? part : { done: false, value: part.value.buffer };
        },
      };
    }) as never,
  });
  return over(request, { body: shared });
}

export const webhooks: readonly Mutant[] = [
  {
    name: "a webhook's signature is not looked at",
    law: "S13",
    ...verifying((original) => async (request, options) => {
      const copy = request.clone();
      const result = await original(request, options);
      if (result.ok || result.reason !== "signature_mismatch") return result;
      const body = new Uint8Array(await copy.arrayBuffer());
      return { ok: true, body, text: () => "", json: () => undefined };
    }),
    test: "test/unit/webhook.test.ts",
    title: "law: another secret never verifies",
  },
  {
    name: "a webhook's cap is not kept",
    law: "S13",
    ...verifying(
      (original) => (request, options) => original(request, { ...options, maxBytes: 1e9 }),
    ),
    test: CONTRACTS,
    title: "the cap: a body of that length",
  },
  {
    name: "a dot in a webhook's id",
    law: "S13",
    // What is signed is the id, the time and the body, with dots between them.
    ...verifying((original) => async (request, options) => {
      const [id = "", ...rest] = (request.headers.get("webhook-id") ?? "").split(".");
      if (!rest.length) return original(request, options);
      const time = request.headers.get("webhook-timestamp");
      const body = [...rest.slice(1), time, await request.text()].join(".");
      const one = made(
        request,
        (headers) => {
          headers.set("webhook-id", id);
          headers.set("webhook-timestamp", rest[0] ?? "");
        },
        body,
      );
      return original(one, options);
    }),
    test: CONTRACTS,
    title: "no message passes for another",
  },
  {
    name: "a webhook's time is not looked at",
    law: "S13",
    ...verifying((original) => (request, options) => {
      const now = (): number => Number(request.headers.get("webhook-timestamp")) * 1_000;
      return original(request, options.scheme === "standard" ? { ...options, now } : options);
    }),
    test: CONTRACTS,
    title: "five minutes either way",
  },
  {
    name: "base64 in a second spelling",
    law: "S13",
    ...verifying((original) => (request, options) => {
      const said = request.headers.get("webhook-signature");
      if (said === null) return original(request, options);
      const signature = said.replaceAll(/(?<=v1,)\S+/g, exact);
      const one = made(request, (headers) => headers.set("webhook-signature", signature));
      return original(one, options);
    }),
    test: CONTRACTS,
    title: "exact form: everything else is malformed",
  },
  {
    name: "a polluted prototype shortens the HMAC key",
    law: "S15",
    ...verifying((original) => async (request, options) => {
      const { subtle } = crypto;
      const real = subtle.importKey;
      Object.assign(subtle, {
        importKey: (
          format: never,
          bytes: never,
          { name, hash }: HmacImportParams,
          ...rest: [never, never]
        ) => real.call(subtle, format, bytes, { name, hash }, ...rest),
      });
      try {
        return await original(request, options);
      } finally {
        Object.assign(subtle, { importKey: real });
      }
    }),
    test: CONTRACTS,
    title: ".length makes",
  },
  {
    name: "a stream's buffer is used again",
    law: "S13",
    ...verifying((original) => (request, options) => original(sharing(request), options)),
    test: CONTRACTS,
    title: "a body in parts",
  },
];
