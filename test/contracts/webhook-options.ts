/** What `verifyWebhook` makes of wrong options, and of a polluted prototype (S13, S15). */
import { afterEach, describe, expect, it, vi } from "vitest";
import { verifyWebhook, type WebhookOptions } from "../../src/webhook.ts";
import { isVaultError } from "../../src/errors.ts";
import {
  body,
  hexWebhook,
  older,
  reasonOf,
  reference,
  secret,
  whsec,
} from "../support/webhooks.ts";

export function webhookOptions(): void {
  describe("webhooks: options", () => {
    const wrong: readonly unknown[] = [
      {},
      { secret: "" },
      { secret: [] },
      { secret: ["", secret] },
      { secret: [secret, undefined] },
      { secret: `${secret}\n` },
      { secret: ` ${secret}` },
      { secret: 7 },
      { secret: new Uint8Array() },
      { secret: "undefined" },
      { secret: "undefined", dangerouslyAllowShortSecret: true },
      { secret: "null", dangerouslyAllowShortSecret: true },
      { secret: "whsec_undefined", scheme: "standard", dangerouslyAllowShortSecret: true },
      { secret: Array.from({ length: 17 }, () => secret) },
      { secret, scheme: "ed25519" },
      { secret, header: "" },
      { secret, header: "x y" },
      { secret, prefix: 7 },
      { secret, maxBytes: 0 },
      { secret, maxBytes: 1.5 },
      { secret, maxBytes: Infinity },
      { secret: "hook-secret-of-vmcloud", scheme: "standard" },
      { secret: "whsec_", scheme: "standard" },
      { secret: `${whsec}=`, scheme: "standard" },
      { secret: `${whsec}\n`, scheme: "standard" },
      { secret: whsec, scheme: "standard", tolerance: -1 },
      { secret: whsec, scheme: "standard", tolerance: Infinity },
      { secret: whsec, scheme: "standard", tolerance: NaN },
    ];

    it("wrong ones are told at once, and no secret stands in the error [S4 S13]", async () => {
      for (const options of wrong) {
        const error: unknown = await verifyWebhook(reference(), options as WebhookOptions).then(
          () => "verified",
          (reason: unknown) => reason,
        );
        expect(isVaultError(error) && error.code, JSON.stringify(options)).toBe("invalid_option");
        const { message, stack, cause } = error as Error;
        expect(`${message}${stack}${String(cause)}`).not.toMatch(/hook-secret|MfKQ9r8G/);
      }
    });
  });

  describe("webhooks: a secret of fewer than 24 bytes", () => {
    afterEach(() => vi.restoreAllMocks());

    const short = "hook-secret-of-23-bytes";
    const cases: readonly [string, WebhookOptions][] = [
      ["a text", { secret: short }],
      ["one byte", { secret: "h" }],
      ["bytes", { secret: new Uint8Array(23) }],
      ["one of several", { secret: [secret, short] }],
      ["base64", { secret: `whsec_${btoa(short)}`, scheme: "standard" }],
    ];

    it.each(cases)(
      "is an error that says so and does not show it: %s [F83 S20]",
      async (_, options) => {
        const error: unknown = await verifyWebhook(reference(), options).catch(
          (reason: unknown) => reason,
        );
        expect(isVaultError(error) && error.code).toBe("invalid_option");
        expect((error as Error).message).toMatch(/at least 24 bytes/);
        expect((error as Error).message).not.toMatch(/hook-secret/);
      },
    );

    it("is taken with one warning where the option says so [F83 S20]", async () => {
      const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
      const options = { secret: short, dangerouslyAllowShortSecret: true };
      for (let n = 0; n < 2; n++) {
        const request = await hexWebhook({ secret: short, body });
        expect(await reasonOf(verifyWebhook(request, options))).toBe("verified");
      }
      // Another test of this file may have drawn it.
      expect(warn.mock.calls.length).toBeLessThanOrEqual(1);
      expect(JSON.stringify(warn.mock.calls)).not.toMatch(/hook-secret/);
    });

    it("is one byte too few: 24 are taken [F83]", async () => {
      const long = `${short}!`;
      const request = await hexWebhook({ secret: long, body });
      expect(await reasonOf(verifyWebhook(request, { secret: long }))).toBe("verified");
    });
  });

  describe("webhooks under a polluted Object.prototype", () => {
    const root: object = Object.prototype;
    const polluted: readonly [string, unknown][] = [
      ["length", 8],
      ["scheme", "standard"],
      ["header", "x-other"],
      ["prefix", "sha1="],
      ["maxBytes", 1],
      ["tolerance", 1e15],
      ["dangerouslyAllowShortSecret", true],
      ["hash", "SHA-512"],
      ["name", "AES-GCM"],
      ["fatal", false],
      ["ignoreBOM", true],
    ];
    afterEach(() => polluted.forEach(([name]) => Reflect.deleteProperty(root, name)));

    it("no old delivery is taken, and no short secret [S13 S15 F83]", async () => {
      Object.assign(root, { tolerance: 1e15, dangerouslyAllowShortSecret: true });
      const old = verifyWebhook(reference(), { secret: whsec, scheme: "standard" });
      expect(await reasonOf(old)).toBe("too_old");
      const short = verifyWebhook(await hexWebhook({ secret: "h", body }), { secret: "h" });
      await expect(short).rejects.toMatchObject({ code: "invalid_option" });
    });

    it.each(polluted)(
      ".%s makes no forged one good, nor a good one bad [S13 S15]",
      async (name, value) => {
        const [good, bad] = [
          await hexWebhook({ secret, body }),
          await hexWebhook({ secret, body }),
        ];
        // The same first byte: with a key of eight bits it would do.
        const other = `${secret[0]}${older}`;
        Object.defineProperty(root, name, { value, configurable: true, writable: true });
        const results = [
          await reasonOf(verifyWebhook(good, { secret })),
          await reasonOf(verifyWebhook(bad, { secret: other })),
        ];
        Reflect.deleteProperty(root, name);
        expect(results).toEqual(["verified", "signature_mismatch"]);
      },
    );
  });
}
