/** Key sets that are fetched: from where, how often, and what happens when they cannot be. */
import { describe, expect, it, vi } from "vitest";
import { type RemoteKeys, remoteKeys, type RemoteKeysOptions } from "../../../src/jwt.ts";
import { type IssuerSwitches, type SpawnedIssuer, spawnIssuer } from "../../apis/issuer.ts";
import { forge, good, NOW, pairOf, signed, verdict } from "./forgeries.ts";

export interface RemoteContract {
  /** The control server's address. */
  readonly control: string;
}

interface Opened {
  readonly issuer: SpawnedIssuer;
  readonly key: RemoteKeys;
  /** How often the set was asked for. */
  calls(): Promise<number>;
  pass(ms: number): void;
}

export function jwtRemote({ control }: RemoteContract): void {
  async function open(
    switches: Partial<IssuerSwitches> = {},
    options: RemoteKeysOptions = {},
  ): Promise<Opened> {
    const issuer = spawnIssuer(control);
    const { publicJwk } = await pairOf("RSA");
    await issuer.set({ jwks: { keys: [{ ...publicJwk, kid: "k1" }] }, ...switches });
    let now = NOW;
    const key = remoteKeys(`${issuer.url}/jwks`, {
      dangerouslyAllowLoopbackHttp: true,
      now: () => now,
      ...options,
    });
    return {
      issuer,
      key,
      calls: async () => (await issuer.counters()).jwksCalls,
      pass: (ms) => void (now += ms),
    };
  }

  describe("JWTs: key sets that are fetched", () => {
    it("ten at once make one request, and those who come later none [S12]", async () => {
      const { key, calls } = await open();
      expect(await calls()).toBe(0);
      const token = await signed({ kid: "k1" });
      const verdicts = await Promise.all(Array.from({ length: 10 }, () => verdict(token, { key })));
      expect(new Set(verdicts)).toEqual(new Set(["accepted"]));
      expect(await verdict(token, { key })).toBe("accepted");
      expect(await calls()).toBe(1);
    });

    it("a set is asked for again when it is old, and then its old keys are gone [S12]", async () => {
      const { issuer, key, calls, pass } = await open();
      const token = await signed({ kid: "k1" });
      expect(await verdict(token, { key })).toBe("accepted");
      await issuer.set({ jwks: { keys: [] } });
      pass(599_999);
      expect(await verdict(token, { key })).toBe("accepted");
      pass(1);
      expect(await verdict(token, { key })).toBe("unknown_key");
      expect(await calls()).toBe(2);
    });

    it("a new key is found, at most every thirty seconds: made-up kids make no storm [S12]", async () => {
      const { issuer, key, calls, pass } = await open();
      const { publicJwk, sign } = await pairOf("RSA", " that is new");
      const token = await forge({ alg: "RS256", kid: "k2" }, good, sign);
      expect(await verdict(token, { key })).toBe("unknown_key");
      await issuer.set({ jwks: { keys: [{ ...publicJwk, kid: "k2" }] } });
      const madeUp = await Promise.all(
        Array.from({ length: 20 }, async (_, index) =>
          verdict(await signed({ kid: `made-up-${index}` }), { key }),
        ),
      );
      expect(new Set(madeUp)).toEqual(new Set(["unknown_key"]));
      expect(await calls()).toBe(1);
      pass(30_000);
      expect(await verdict(token, { key })).toBe("accepted");
      expect(await calls()).toBe(2);
    });

    it.each<[string, IssuerSwitches["mode"]]>([
      ["keys_unavailable: redirected", "redirect"],
      ["keys_unavailable: no_keys", "html"],
      ["keys_unavailable: no_keys", "fails"],
      ["keys_unavailable: no_keys", "huge"],
      ["keys_unavailable: timed_out", "hang"],
      ["keys_unavailable: timed_out", "drip"],
    ])(
      "%s where the endpoint's mode is %s, and the token is not blamed [S2 S12]",
      async (expected, mode) => {
        const { issuer, key } = await open(
          { mode },
          mode === "hang" || mode === "drip" ? { timeout: 300 } : {},
        );
        expect(await verdict(await signed({ kid: "k1" }), { key })).toBe(expected);
        // A redirect's target was not asked.
        expect((await issuer.counters()).jwksCalls).toBe(1);
      },
    );

    it.each<[string, unknown]>([
      ["no set", { key: [] }],
      ["a list", []],
      ["keys that are no list", { keys: {} }],
      ["keys that are no JWKs", { keys: ["k1"] }],
      ["null", null],
    ])("a reply that is %s [S10]", async (_, jwks) => {
      const { key } = await open({ jwks });
      expect(await verdict(await signed(), { key })).toBe("keys_unavailable: no_keys");
    });

    it("an endpoint that fails is asked no more for a while, then again [S12]", async () => {
      const { issuer, key, calls, pass } = await open({ mode: "html" });
      const token = await signed({ kid: "k1" });
      for (let turn = 0; turn < 5; turn++)
        expect(await verdict(token, { key })).toBe("keys_unavailable: no_keys");
      expect(await calls()).toBe(1);
      pass(1_000);
      expect(await verdict(token, { key })).toBe("keys_unavailable: no_keys");
      pass(1_000);
      expect(await verdict(token, { key })).toBe("keys_unavailable: no_keys");
      expect(await calls()).toBe(2);
      await issuer.set({ mode: "good" });
      pass(1_000);
      expect(await verdict(token, { key })).toBe("accepted");
    });

    it("a set that was had serves for an hour while no newer one comes, and no longer [S12]", async () => {
      const { issuer, key, pass } = await open();
      const token = await signed({ kid: "k1" });
      expect(await verdict(token, { key })).toBe("accepted");
      await issuer.set({ mode: "html" });
      pass(3_599_999);
      expect(await verdict(token, { key })).toBe("accepted");
      pass(60_000);
      expect(await verdict(token, { key })).toBe("keys_unavailable: no_keys");
    });

    it("a new key that cannot be had says nothing of the JWT, and made-up kids make no storm then either [S12]", async () => {
      const { issuer, key, calls, pass } = await open();
      const { publicJwk, sign } = await pairOf("RSA", " that is new");
      const known = await signed({ kid: "k1" });
      const token = await forge({ alg: "RS256", kid: "k2" }, good, sign);
      expect(await verdict(known, { key })).toBe("accepted");
      await issuer.set({ mode: "fails", jwks: { keys: [{ ...publicJwk, kid: "k2" }] } });
      pass(30_000);
      for (let turn = 0; turn < 10; turn++) {
        expect(await verdict(token, { key })).toBe("keys_unavailable: no_keys");
        expect(await verdict(known, { key })).toBe("accepted");
        pass(2_900);
      }
      expect(await calls()).toBe(2);
      await issuer.set({ mode: "good" });
      pass(1_000);
      expect(await verdict(token, { key })).toBe("accepted");
      expect(await verdict(known, { key })).toBe("unknown_key");
    });

    it("a set whose keys this runtime cannot use is told as that, and the JWT not blamed [S12]", async () => {
      const { publicJwk } = await pairOf("RSA");
      const token = await signed({ kid: "k1" });
      const importKey = vi.spyOn(crypto.subtle, "importKey");
      importKey.mockRejectedValue(new DOMException("no", "NotSupportedError"));
      try {
        const key = { keys: [{ ...publicJwk, kid: "k1" }] };
        expect(await verdict(token, { key })).toBe("invalid_option: unsupported_algorithm");
      } finally {
        importKey.mockRestore();
      }
    });

    it.each([
      [{ maxAge: 86_400_000 }, 43_200_000, 1],
      [{ maxAge: 600_000, maxStale: 60_000 }, 599_000, 1],
      [{ maxStale: 0 }, 599_000, 1],
      [{ maxAge: 0, maxStale: 0 }, 1, 2],
    ])("%j: a set serves as long as no other is asked for [S12]", async (options, ms, asked) => {
      const { issuer, key, calls, pass } = await open({}, options);
      const token = await signed({ kid: "k1" });
      expect(await verdict(token, { key })).toBe("accepted");
      pass(ms);
      expect(await verdict(token, { key, now: () => NOW })).toBe("accepted");
      expect(await calls()).toBe(asked);
      await issuer.set({ mode: "html" });
      pass(86_400_000);
      expect(await verdict(token, { key, now: () => NOW })).toBe("keys_unavailable: no_keys");
    });

    it("a clock that was set back makes one request more, and no storm [S12]", async () => {
      const { key, calls, pass } = await open();
      const token = await signed({ kid: "k1" });
      expect(await verdict(token, { key })).toBe("accepted");
      pass(-86_400_000);
      for (let turn = 0; turn < 3; turn++)
        expect(await verdict(token, { key, now: () => NOW })).toBe("accepted");
      expect(await calls()).toBe(2);
    });

    it("no connection is told as that [S12]", async () => {
      const fetch = async (): Promise<never> => {
        throw new TypeError("secret of the platform");
      };
      const { key } = await open({}, { fetch });
      expect(await verdict(await signed(), { key })).toBe("keys_unavailable: no_connection");
    });

    it.each([
      "http://login.acme.test/jwks",
      "http://localhost.evil.test/jwks",
      "ftp://login.acme.test/jwks",
      "data:application/json,{}",
      "blob:https://login.acme.test/1",
      "https://user:secret@login.acme.test/jwks",
      "/jwks",
      "",
      undefined,
      null,
    ])("%j is no address that keys come from [S3]", (address) => {
      const make = (): unknown =>
        remoteKeys(address as string, { dangerouslyAllowLoopbackHttp: true });
      expect(make).toThrow(expect.objectContaining({ code: "invalid_option" }));
      expect(make).not.toThrow("secret");
    });

    it("plain http to this machine only on request [S3]", () => {
      const make = (allow: boolean): unknown =>
        remoteKeys("http://127.0.0.1:1/jwks", { dangerouslyAllowLoopbackHttp: allow });
      expect(() => make(false)).toThrow(expect.objectContaining({ code: "invalid_option" }));
      expect(make(true)).toBeTypeOf("object");
    });

    it.each([
      { timeout: NaN },
      { maxAge: -1 },
      { coolDown: Infinity },
      { maxStale: "1h" as never },
    ])("%j is no duration", (options) => {
      expect(() => remoteKeys("https://login.acme.test/jwks", options)).toThrow(
        expect.objectContaining({ code: "invalid_option" }),
      );
    });
  });
}
