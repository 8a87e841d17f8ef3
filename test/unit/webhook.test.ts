/** Laws of webhooks, for any bytes: what was signed is verified, what was changed is not (S13). */
import * as fc from "fast-check";
import { expect, it, vi } from "vitest";
import { verifyWebhook, type WebhookResult } from "../../src/webhook.ts";
import {
  type Bytes,
  hexSignature,
  standardSignature,
  toBase64,
  webhook,
} from "../support/webhooks.ts";

const NOW = 1_700_000_000_000;

const anyBytes = fc.uint8Array({ maxLength: 300 }) as fc.Arbitrary<Bytes>;
const anyText = fc.string({ minLength: 24, maxLength: 60 }).filter((text) => text === text.trim());
const anyWhsec = fc
  .uint8Array({ minLength: 24, maxLength: 64 })
  .map((bytes) => `whsec_${toBase64(bytes)}`);
const anyId = fc.stringMatching(/^[\w-]{1,40}$/);
const offset = fc.integer({ min: -300, max: 300 });

const flip = (bytes: Bytes, bit: number): Bytes => {
  const changed = bytes.slice();
  const at = bit % (changed.length * 8);
  changed[at >> 3]! ^= 1 << (at & 7);
  return changed;
};

/** A text in which one bit is another, still as a header may hold it. */
const flipText = (text: string, bit: number): string => {
  const bytes = flip(new TextEncoder().encode(text), bit);
  return String.fromCharCode(...bytes);
};

const outcome = (result: WebhookResult): string => (result.ok ? "verified" : result.reason);

it("law: what was signed is verified, its bytes unchanged; any flipped bit of the body fails [S13]", async () => {
  await fc.assert(
    fc.asyncProperty(anyText, anyBytes, fc.nat(), async (secret, body, bit) => {
      const headers = { "x-webhook-signature": await hexSignature({ secret, body }) };
      const good = await verifyWebhook(webhook(headers, body), { secret });
      expect(good.ok && [...good.body]).toEqual([...body]);
      if (!body.length) return;
      const bad = await verifyWebhook(webhook(headers, flip(body, bit)), { secret });
      expect(outcome(bad)).toBe("signature_mismatch");
    }),
  );
});

it("law: any flipped bit of the signature's header fails [S13]", async () => {
  await fc.assert(
    fc.asyncProperty(anyText, anyBytes, fc.nat(), async (secret, body, bit) => {
      const changed = flipText(await hexSignature({ secret, body }), bit);
      let request: Request;
      try {
        request = webhook({ "x-webhook-signature": changed }, body);
      } catch {
        // No header can hold it.
        return;
      }
      expect(outcome(await verifyWebhook(request, { secret }))).toMatch(/^(malformed|signature)_/);
    }),
    { numRuns: 500 },
  );
});

it("law: another secret never verifies [S13]", async () => {
  await fc.assert(
    fc.asyncProperty(anyText, anyText, anyBytes, async (secret, other, body) => {
      // HMAC pads a key with zeros: RFC 2104 §2.
      fc.pre(secret.replace(/\0+$/, "") !== other.replace(/\0+$/, ""));
      const headers = { "x-webhook-signature": await hexSignature({ secret, body }) };
      const result = await verifyWebhook(webhook(headers, body), { secret: other });
      expect(outcome(result)).toBe("signature_mismatch");
    }),
  );
});

it("law: Standard Webhooks: verified within the tolerance; any flipped bit of any part fails [S13]", async () => {
  const parts = ["webhook-id", "webhook-timestamp", "webhook-signature", "body"] as const;
  await fc.assert(
    fc.asyncProperty(
      anyWhsec,
      anyId,
      offset,
      anyBytes,
      fc.constantFrom(...parts),
      fc.nat(),
      async (secret, id, seconds, body, part, bit) => {
        const timestamp = String(NOW / 1000 + seconds);
        const headers = {
          "webhook-id": id,
          "webhook-timestamp": timestamp,
          "webhook-signature": await standardSignature({ secret, body }, id, timestamp),
        };
        const options = { scheme: "standard", secret, now: () => NOW } as const;
        const good = await verifyWebhook(webhook(headers, body), options);
        expect(good.ok && [...good.body]).toEqual([...body]);
        expect(good).toMatchObject({ id, timestamp: Number(timestamp) * 1000 });

        if (part === "body" && !body.length) return;
        let request: Request;
        try {
          request =
            part === "body"
              ? webhook(headers, flip(body, bit))
              : webhook({ ...headers, [part]: flipText(headers[part], bit) }, body);
        } catch {
          return;
        }
        expect(outcome(await verifyWebhook(request, options))).not.toBe("verified");
      },
    ),
    { numRuns: 1_000 },
  );
});

it("law: no header's text makes it throw, and none but the right one is verified [S13]", async () => {
  const secret = "a secret of 24 bytes ok?";
  await fc.assert(
    fc.asyncProperty(
      fc.stringMatching(/^(sha256=|v1,|whsec_)?[ -~]{0,80}$/),
      fc.stringMatching(/^[ -~]{0,20}$/),
      async (value, other) => {
        const headers = {
          "x-webhook-signature": value,
          "webhook-signature": value,
          "webhook-id": other,
          "webhook-timestamp": other,
        };
        const hex = await verifyWebhook(webhook(headers, "x"), { secret });
        expect(hex.ok).toBe(false);
        const standard = { scheme: "standard", secret: `whsec_${btoa(secret)}` } as const;
        expect((await verifyWebhook(webhook(headers, "x"), standard)).ok).toBe(false);
      },
    ),
    { numRuns: 300 },
  );
});

it("parts that are Node's Buffers, whose slice() copies nothing, from a maker that uses one again [S13]", async () => {
  const secret = "a secret of 24 bytes ok?";
  const parts = ["abc", "def"];
  const buffer = Buffer.alloc(3);
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        const part = parts.shift();
        if (part === undefined) return controller.close();
        buffer.write(part);
        controller.enqueue(buffer);
      },
    },
    { highWaterMark: 0 },
  );
  const headers = { "x-webhook-signature": await hexSignature({ secret, body: "abcdef" }) };
  const result = await verifyWebhook(webhook(headers, body), { secret });
  expect(result.ok && result.text()).toBe("abcdef");
});

it("a forged delivery with many signatures costs one HMAC of its body for each secret, and is refused [S13]", async () => {
  const secrets = ["one", "other"].map((name) => `whsec_${btoa(`the ${name} secret of 24 bytes`)}`);
  const body = new Uint8Array(100_000);
  const forged = Array.from({ length: 15 }, (_, byte) => {
    const signature = new Uint8Array(32).fill(byte);
    return `v1,${toBase64(signature)}`;
  });
  const timestamp = String(NOW / 1000);
  const right = await standardSignature({ secret: secrets[1]!, body }, "id", timestamp);
  /** The outcome, and how many bytes of HMACs each message had. */
  const cost = async (last: string): Promise<{ is: string; long: number; short: number }> => {
    const sizes: number[] = [];
    const { sign, verify } = crypto.subtle;
    const sizeOf = (data: unknown): void => void sizes.push((data as Uint8Array).byteLength);
    vi.spyOn(crypto.subtle, "sign").mockImplementation((algorithm, key, data) => {
      sizeOf(data);
      return sign.call(crypto.subtle, algorithm, key, data);
    });
    vi.spyOn(crypto.subtle, "verify").mockImplementation((algorithm, key, signature, data) => {
      sizeOf(data);
      return verify.call(crypto.subtle, algorithm, key, signature, data);
    });
    const headers = {
      "webhook-id": "id",
      "webhook-timestamp": timestamp,
      "webhook-signature": [...forged, last].join(" "),
    };
    const options = { scheme: "standard", secret: secrets, now: () => NOW } as const;
    const is = outcome(await verifyWebhook(webhook(headers, body), options));
    vi.restoreAllMocks();
    const long = sizes.filter((size) => size >= body.length).length;
    expect(sizes.every((size) => size >= body.length || size <= 32)).toBe(true);
    return { is, long, short: sizes.length - long };
  };
  const wrong = await cost(forged[0]!);
  expect(wrong).toMatchObject({ is: "signature_mismatch", long: 2 });
  // For each secret its own HMAC, and each of the sixteen signatures.
  expect(wrong.short).toBeLessThanOrEqual(2 * 17);
  expect(await cost(right)).toMatchObject({ is: "verified", long: 2 });
});
