/**
 * Webhooks (S13), in each runtime, because each has a Web Crypto and a `Request` of its own. The
 * vectors are published: RFC 4231 §4, and the reference vector of Standard Webhooks' own libraries.
 */
import { describe, expect, it } from "vitest";
import { verifyWebhook, type StandardWebhookOptions } from "../../src/webhook.ts";
import {
  body,
  type Bytes,
  fromHex,
  hexSignature,
  hexWebhook,
  older,
  olderWhsec,
  reasonOf,
  reference,
  secret,
  standardSignature,
  standardWebhook,
  toHex,
  utf8,
  webhook,
  whsec,
} from "../support/webhooks.ts";
import { webhookOptions } from "./webhook-options.ts";

const now = 1_614_265_330_000;

/** RFC 4231 §4: test cases 1 to 4, 6 and 7; the fifth is about a truncated output. */
const RFC4231: readonly (readonly [key: string, data: Bytes, hmac: string])[] = [
  [
    "0b".repeat(20),
    utf8("Hi There"),
    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
  ],
  [
    toHex(utf8("Jefe")),
    utf8("what do ya want for nothing?"),
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  ],
  [
    "aa".repeat(20),
    fromHex("dd".repeat(50)),
    "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
  ],
  [
    "0102030405060708090a0b0c0d0e0f10111213141516171819",
    fromHex("cd".repeat(50)),
    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
  ],
  [
    "aa".repeat(131),
    utf8("Test Using Larger Than Block-Size Key - Hash Key First"),
    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
  ],
  [
    "aa".repeat(131),
    utf8(
      "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
    ),
    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
  ],
];

const standard: StandardWebhookOptions = { scheme: "standard", secret: whsec, now: () => now };

/** A body in parts that counts how many were asked for, and whether it was let go. */
function inParts(parts: readonly unknown[]): {
  stream: ReadableStream;
  asked: () => number;
  cancelled: () => boolean;
} {
  let [asked, cancelled] = [0, false];
  const stream = new ReadableStream(
    {
      pull(controller) {
        const part = parts[asked++];
        if (part instanceof Error) controller.error(part);
        else if (part === undefined) controller.close();
        else controller.enqueue(part);
      },
      cancel() {
        cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, asked: () => asked, cancelled: () => cancelled };
}

export interface WebhookContract {
  /** Whether this runtime's `Request` takes a stream and shows it as its body. */
  readonly streams: boolean;
}

export function webhookContract({ streams }: WebhookContract): void {
  describe("webhooks: an HMAC of the body in hex", () => {
    it.each(RFC4231)("RFC 4231: the key that begins with %.8s [S13]", async (key, data, mac) => {
      const request = webhook({ "x-webhook-signature": `sha256=${mac}` }, data);
      const secret = fromHex(key);
      const result = await verifyWebhook(request, { secret, dangerouslyAllowShortSecret: true });
      expect(result).toMatchObject({ ok: true });
      if (result.ok) expect(toHex(result.body)).toBe(toHex(data));
    });

    it("a good one is verified, and its bytes come along; the request is read once [S13]", async () => {
      const request = await hexWebhook({ secret, body });
      const result = await verifyWebhook(request, { secret });
      if (!result.ok) throw new Error(result.reason);
      expect(result.body).toEqual(utf8(body));
      expect(result.body.buffer.byteLength).toBe(result.body.length);
      expect(result.text()).toBe(body);
      expect(result.json()).toEqual({ event: "vm.started", id: "évt_1" });
      expect(result).not.toHaveProperty("timestamp");
      expect(await reasonOf(verifyWebhook(request, { secret }))).toBe("unreadable_body");
    });

    it("a forged one is not: another body, another secret, another's signature [S13]", async () => {
      const good = await hexSignature({ secret, body });
      const check = (headers: HeadersInit, text: string): Promise<string> =>
        reasonOf(verifyWebhook(webhook(headers, text), { secret }));
      const forged = { "x-webhook-signature": await hexSignature({ secret: older, body }) };
      expect(await check({ "x-webhook-signature": good }, body)).toBe("verified");
      expect(await check({ "x-webhook-signature": good }, `${body} `)).toBe("signature_mismatch");
      expect(await check({ "x-webhook-signature": good }, "")).toBe("signature_mismatch");
      expect(await check(forged, body)).toBe("signature_mismatch");
    });

    it("several secrets while one replaces the other [S13]", async () => {
      const check = async (signedWith: string, secrets: string[]): Promise<string> =>
        reasonOf(
          verifyWebhook(await hexWebhook({ secret: signedWith, body }), { secret: secrets }),
        );
      expect(await check(older, [secret, older])).toBe("verified");
      expect(await check(secret, [secret, older])).toBe("verified");
      expect(await check("a third", [secret, older])).toBe("signature_mismatch");
    });

    it("exact form: everything else is malformed, and the body stays unread [S13]", async () => {
      const good = await hexSignature({ secret, body });
      const hex = good.slice("sha256=".length);
      const wrong = [
        hex,
        `sha256=${hex.toUpperCase()}`,
        `SHA256=${hex}`,
        `sha256= ${hex}`,
        `sha256=${hex.slice(1)}`,
        `sha256=${hex}0`,
        `sha256=${hex.slice(0, -2)}`,
        `sha256=0x${hex.slice(2)}`,
        `sha256=${"g".repeat(64)}`,
        `sha256=${hex.slice(0, -1)}é`,
        `${good}, ${good}`,
        `sha1=${hex}`,
        "sha256=",
        "",
      ];
      for (const value of wrong) {
        const request = webhook({ "x-webhook-signature": value }, body);
        expect(await reasonOf(verifyWebhook(request, { secret })), value).toBe(
          "malformed_signature",
        );
        expect(request.bodyUsed).toBe(false);
      }
      expect(await reasonOf(verifyWebhook(webhook({}, body), { secret }))).toBe(
        "missing_signature",
      );
    });

    it("header and prefix are options [S13]", async () => {
      const signature = (await hexSignature({ secret, body })).replace("sha256=", "v0:");
      const options = { secret, header: "X-Own", prefix: "v0:" };
      const check = (name: string): Promise<string> =>
        reasonOf(verifyWebhook(webhook({ [name]: signature }, body), options));
      expect(await check("x-own")).toBe("verified");
      expect(await check("x-webhook-signature")).toBe("missing_signature");
    });

    it("a body of bytes that are no text, and one of none at all [S13]", async () => {
      const bytes = fromHex("00ff80c328");
      const result = await verifyWebhook(await hexWebhook({ secret, body: bytes }), { secret });
      if (!result.ok) throw new Error(result.reason);
      expect(toHex(result.body)).toBe("00ff80c328");
      expect(() => result.text()).toThrow(TypeError);
      const headers = { "x-webhook-signature": await hexSignature({ secret, body: "" }) };
      const empty = new Request("https://app.test/", { method: "POST", headers });
      expect(await verifyWebhook(empty, { secret })).toMatchObject({ ok: true });
    });

    it("the cap: a body of that length is verified, one byte more is too large [S13]", async () => {
      const options = { secret, maxBytes: 1_000 };
      const check = async (length: number): Promise<string> =>
        reasonOf(verifyWebhook(await hexWebhook({ secret, body: "x".repeat(length) }), options));
      expect(await check(1_000)).toBe("verified");
      expect(await check(1_001)).toBe("too_large");
    });

    it.runIf(streams)("the cap: the rest of a body without end is not read [S13]", async () => {
      const { stream, asked, cancelled } = inParts(Array.from({ length: 1_000 }, () => utf8("x")));
      const headers = { "x-webhook-signature": `sha256=${"0".repeat(64)}` };
      const result = verifyWebhook(webhook(headers, stream), { secret, maxBytes: 10 });
      expect(await reasonOf(result)).toBe("too_large");
      expect([asked() < 20, cancelled()]).toEqual([true, true]);
    });

    it.runIf(streams)("a body in parts, whose maker uses its buffer again [S13]", async () => {
      const buffer = new Uint8Array(1);
      let at = 0;
      const stream = new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            if (at === 5) return controller.close();
            buffer[0] = "abcde".charCodeAt(at++);
            controller.enqueue(buffer);
          },
        },
        { highWaterMark: 0 },
      );
      const headers = { "x-webhook-signature": await hexSignature({ secret, body: "abcde" }) };
      const result = await verifyWebhook(webhook(headers, stream), { secret });
      expect(result.ok && result.text()).toBe("abcde");
    });

    it("a body that was read before is told [S13]", async () => {
      const request = await hexWebhook({ secret, body });
      await request.text();
      expect(await reasonOf(verifyWebhook(request, { secret }))).toBe("unreadable_body");
    });

    it.runIf(streams)("a body that breaks off, or is none, is told [S13]", async () => {
      const headers = { "x-webhook-signature": `sha256=${"0".repeat(64)}` };
      for (const end of [new Error("reset"), "text", 7]) {
        const { stream } = inParts([utf8("x"), end]);
        expect(await reasonOf(verifyWebhook(webhook(headers, stream), { secret }))).toBe(
          "unreadable_body",
        );
      }
    });
  });

  describe("webhooks: Standard Webhooks", () => {
    it("the reference vector [S13]", async () => {
      const result = await verifyWebhook(reference(), standard);
      if (!result.ok) throw new Error(result.reason);
      expect(result.json()).toEqual({ test: 2432232314 });
      expect(result).toMatchObject({ id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: now });
      const bare = { ...standard, secret: whsec.slice("whsec_".length) };
      expect(await verifyWebhook(reference(), bare)).toMatchObject({ ok: true });
    });

    it("id, timestamp and body are all signed [S13]", async () => {
      for (const headers of [{ "webhook-id": "msg_other" }, { "webhook-timestamp": "1614265331" }])
        expect(await reasonOf(verifyWebhook(reference(headers), standard))).toBe(
          "signature_mismatch",
        );
      const other = webhook(reference().headers, '{"test": 2432232315}');
      expect(await reasonOf(verifyWebhook(other, standard))).toBe("signature_mismatch");
    });

    it("five minutes either way, to the second, by the given clock [S13]", async () => {
      const at = (offset: number, tolerance?: number): Promise<string> =>
        reasonOf(
          verifyWebhook(reference(), {
            ...standard,
            now: () => now + offset,
            ...(tolerance !== undefined && { tolerance }),
          }),
        );
      expect(await at(300_000)).toBe("verified");
      expect(await at(300_001)).toBe("too_old");
      expect(await at(-300_000)).toBe("verified");
      expect(await at(-300_001)).toBe("too_new");
      expect(await at(1, 0)).toBe("too_old");
      expect(await at(0, 0)).toBe("verified");
      // A clock that gives no number verifies nothing.
      expect(await at(NaN)).toBe("too_old");
      const { now: _, ...byDefault } = standard;
      const fresh = await standardWebhook({ secret: whsec, body });
      expect(await reasonOf(verifyWebhook(fresh, byDefault))).toBe("verified");
      expect(await reasonOf(verifyWebhook(reference(), byDefault))).toBe("too_old");
    });

    it("several signatures, several secrets; versions that are not ours are passed over [S13]", async () => {
      const [, good] = reference().headers.get("webhook-signature")!.split(",");
      const other = (await standardSignature({ secret: olderWhsec, body }, "a", "1")).slice(3);
      const check = (list: string, secrets = [whsec]): Promise<string> =>
        reasonOf(
          verifyWebhook(reference({ "webhook-signature": list }), { ...standard, secret: secrets }),
        );
      expect(await check(`v1,${other} v1,${good}`)).toBe("verified");
      expect(await check(`v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw== v1,${good}`)).toBe("verified");
      expect(await check(`v2,${good} v1,${good}`)).toBe("verified");
      expect(await check(`v1,${good}`, [olderWhsec, whsec])).toBe("verified");
      expect(await check(`v1,${good}`, [olderWhsec])).toBe("signature_mismatch");
      expect(await check(`v1,${other}`)).toBe("signature_mismatch");
      expect(await check(`v1a,${good}`)).toBe("missing_signature");
      expect(await check(`v2,${good}`)).toBe("missing_signature");
    });

    it("exact form: everything else is malformed, and the body stays unread [S13]", async () => {
      const good = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
      const signatures = [
        good,
        `v1=${good}`,
        `V1,${good}`,
        `v1, ${good}`,
        `v1,${good},`,
        `v1,${good}  v1,${good}`,
        `v1,${good}, v1,${good}`,
        `v1,${good.slice(0, -1)}`,
        `v1,${good.slice(0, -1)}==`,
        // The same bytes, written with bits that nobody reads.
        `v1,${good.replace(/E=$/, "F=")}`,
        `v1,${good.replace("+", "-").replace("/", "_")}`,
        `v1,${good.slice(4)}`,
        `v1,AAAA${good}`,
        "v1,",
        "",
        Array.from({ length: 17 }, () => `v1,${good}`).join(" "),
      ];
      const others = [
        { "webhook-id": "" },
        { "webhook-id": "msg.p5jXN8AQM9LWM0D4loKWxJek" },
        { "webhook-id": "msg é" },
        { "webhook-id": "m".repeat(257) },
        ...["", "0", "01614265330", "1614265330.0", "1.614e9", "-1", "+1614265330", "0x60377d72"]
          .concat(["1614265330000000", "١٦", "soon"].filter((text) => /^[ -~]*$/.test(text)))
          .map((time) => ({ "webhook-timestamp": time })),
      ];
      const all = [...signatures.map((value) => ({ "webhook-signature": value })), ...others];
      for (const headers of all as Record<string, string>[]) {
        const request = reference(headers);
        expect(await reasonOf(verifyWebhook(request, standard)), JSON.stringify(headers)).toBe(
          "malformed_signature",
        );
        expect(request.bodyUsed).toBe(false);
      }
      for (const name of ["id", "timestamp", "signature"]) {
        const request = reference();
        request.headers.delete(`webhook-${name}`);
        const { headers } = request;
        const without = webhook(headers, "x");
        expect(await reasonOf(verifyWebhook(without, standard))).toBe("missing_signature");
      }
    });

    it("no message passes for another by moving the dots [S13]", async () => {
      // Signed: id "a", timestamp 1614265330, body "5.x"; sent: id "a.1614265330", time 5, body x.
      const signature = await standardSignature({ secret: whsec, body: "5.x" }, "a", "1614265330");
      const moved = webhook(
        {
          "webhook-id": "a.1614265330",
          "webhook-timestamp": "5",
          "webhook-signature": signature,
        },
        "x",
      );
      expect(await reasonOf(verifyWebhook(moved, { ...standard, now: () => 5_000 }))).toBe(
        "malformed_signature",
      );
    });
  });

  webhookOptions();
}
