/**
 * Where the token goes (S1, S3): judged by what this runtime's own URL parser makes of an address,
 * which is why it is asked in every one. Nothing is sent: the vault's `fetch` is a spy.
 */
import { afterEach, describe, expect, it } from "vitest";
import { createVault, type Vault } from "../../../src/index.ts";
import { echoOf, providerFor, type Stage } from "./stage.ts";
import { memoryStore } from "../../../src/stores/memory.ts";

const LISTED = "https://api.vmcloud.com";

interface Seen {
  readonly url: string;
  readonly authorization: string | null;
}

interface Spied {
  readonly vault: Vault<never>;
  /** What went out for this input, or the name of the error. */
  sent(input: string | URL | Request): Promise<Seen | string>;
}

async function spied(origin = LISTED, allowLoopback = false): Promise<Spied> {
  let seen: Seen | undefined;
  const vault = createVault({
    provider: providerFor(origin),
    store: memoryStore(),
    dangerouslyAllowLoopbackHttp: allowLoopback,
    async fetch(input, init) {
      const request = new Request(input, init);
      seen = { url: request.url, authorization: request.headers.get("authorization") };
      return new Response("{}");
    },
  });
  await vault.adopt({ accessToken: "token" });
  return {
    vault,
    async sent(input) {
      seen = undefined;
      try {
        await vault.fetch(input);
      } catch (error) {
        return (error as Error).name;
      }
      return seen ?? "nothing";
    },
  };
}

/** What plain fetch would send, or the name of its error. */
function plainly(input: string | URL | Request): string {
  try {
    return new Request(input).url;
  } catch (error) {
    return (error as Error).name;
  }
}

const bearer = "Bearer token";

/** These lead to the listed origin, however they are written. */
const same = [
  `${LISTED}`,
  `${LISTED}/`,
  `${LISTED}/v1/vms?x=1#hash`,
  `${LISTED}:443/v1/vms`,
  "HTTPS://API.VMCLOUD.COM/v1/vms",
  "https:\\\\api.vmcloud.com\\v1\\vms",
  "https:/\t/api.vm\ncloud.com/v1",
  "  https://api.vmcloud.com/v1  ",
  `${LISTED}/@evil.com/`,
  `${LISTED}\\@evil.com`,
  `${LISTED}?@evil.com`,
  `${LISTED}#@evil.com`,
  `${LISTED}/..//evil.com`,
  "https://%61pi.vmcloud.com/v1",
  "https://api。vmcloud。com/v1",
];

/** These lead elsewhere, however alike they look. */
const other = [
  "https://api.vmcloud.com.evil.com/v1",
  "https://api.vmcloud.com@evil.com/v1",
  "https://api.vmcloud.com%2f@evil.com/v1",
  "https://api.vmcloud.com:443@evil.com/v1",
  "https://evil.com/https://api.vmcloud.com/",
  "https://evil.com\\@api.vmcloud.com/v1",
  "https://evil.com#@api.vmcloud.com/",
  "https://evil.com?https://api.vmcloud.com/",
  "https://api.vmcloud.com./v1",
  "https://api.vmcloud.com:8443/v1",
  "https://xapi.vmcloud.com/v1",
  "https://x.api.vmcloud.com/v1",
  "https://vmcloud.com/v1",
  "https://аpi.vmcloud.com/v1",
  "https://api.vmcloud.com\t.evil.com/v1",
  "https://user@api.vmcloud.com/v1",
  "https://user:secret@api.vmcloud.com/v1",
  "http://api.vmcloud.com/v1",
  "http://api.vmcloud.com:443/v1",
  "ws://api.vmcloud.com/v1",
  "ftp://api.vmcloud.com/v1",
  "blob:https://api.vmcloud.com/0b0e3c2a-6f5f-4d0c-9d6e-000000000000",
  "data:text/plain,https://api.vmcloud.com/",
  "about:blank",
  "javascript:0",
  "",
  "//",
  "https://",
];

export function origins(stage: Stage): void {
  describe("where the token goes", () => {
    it.each(same)("to the listed origin, written %j [S1]", async (input) => {
      const { sent } = await spied();
      expect(await sent(input)).toEqual({ url: plainly(input), authorization: bearer });
    });

    it.each(other)("not to %j, which goes out bare, as fetch sends it [S1 S3]", async (input) => {
      const { sent } = await spied();
      const url = plainly(input);
      const expected = /^\w*Error$/.test(url) ? url : { url, authorization: null };
      expect(await sent(input)).toEqual(expected);
    });

    it("as URL objects and as Requests all the same [S1]", async () => {
      const { sent } = await spied();
      for (const [list, authorization] of [[same, bearer] as const, [other, null] as const]) {
        for (const input of list) {
          for (const make of [
            (text: string) => new URL(text),
            (text: string) => new Request(text),
          ]) {
            let made: URL | Request;
            try {
              made = make(input);
            } catch {
              continue;
            }
            const url = plainly(input);
            const expected = /^\w*Error$/.test(url) ? url : { url, authorization };
            expect(await sent(made), input).toEqual(expected);
          }
        }
      }
    });

    it(
      "law: the token goes along exactly where the address sent has the listed origin [S1]",
      {
        // 36,000 addresses.
        timeout: 120_000,
      },
      async () => {
        const { sent } = await spied();
        const parts = [
          ["https:", "HTTPS:", "http:", "blob:https:", "\thttps:", "wss:"],
          ["//", "\\\\", "/", "///", "/\t/"],
          ["", "user@", "@", "api.vmcloud.com@", "a:b@"],
          [
            "api.vmcloud.com",
            "API.vmcloud.com",
            "api.vmcloud.com.",
            "evil.com",
            "api.vm\ncloud.com",
          ],
          ["", ":443", ":0443", ":80", ":", ".evil.com", "\\.evil.com", "%00"],
          ["", "/", "/v1/../..", "?@evil.com", "#/", "\\@evil.com"],
        ];
        const inputs = parts.reduce(
          (all, part) => all.flatMap((a) => part.map((b) => a + b)),
          [""],
        );
        let withToken = 0;
        const wrong: string[] = [];
        for (const input of inputs) {
          const answer = await sent(input);
          if (typeof answer === "string") {
            if (answer !== plainly(input)) wrong.push(input);
            continue;
          }
          const { protocol, origin, username, password } = new URL(answer.url);
          const may = protocol === "https:" && origin === LISTED && !username && !password;
          if (answer.url !== plainly(input) || (answer.authorization === bearer) !== may)
            wrong.push(input);
          if (may) withToken += 1;
        }
        expect(wrong).toEqual([]);
        expect(withToken).toBeGreaterThan(100);
        expect(inputs.length - withToken).toBeGreaterThan(100);
      },
    );

    it("below a path prefix, by whole segments, on the path as it is sent [S1]", async () => {
      const { sent } = await spied(`${LISTED}/tenant/api`);
      const inside = ["", "/", "/v1", "/v1/../v2", "/./v1", "?x=/../..", "/..%5", "/a%20b"];
      const outside = [
        "x",
        "-2/v1",
        "/../other",
        "/%2e%2e/other",
        "/%2E./other",
        "/..%2fother",
        "/%2e%2e%2Fother",
        "/..%5cother",
        "\\..\\other",
        "/v1/../../other",
        "//../../../other",
      ];
      for (const path of inside)
        expect(await sent(`${LISTED}/tenant/api${path}`), path).toMatchObject({
          authorization: bearer,
        });
      for (const path of outside)
        expect(await sent(`${LISTED}/tenant/api${path}`), path).toMatchObject({
          authorization: null,
        });
      expect(await sent(`${LISTED}/`)).toMatchObject({ authorization: null });
      expect(await sent(`${LISTED}/Tenant/api/v1`)).toMatchObject({ authorization: null });
    });

    it.each([
      "/..;/other",
      "/..;x=1/other",
      "/..%3b/other",
      "/%2e%2e;/other",
      "/%252e%252e/other",
      "/..%252fother",
      "/..%25255cother",
      "/..%c0%afother",
      "/%c0%ae%c0%ae/other",
      "/..%25c0%25afother",
      "/..%e0%80%afother",
      "/..%u2215other",
      "/..%u%32215other",
      "/..%25%32%66other",
      "/%25%32%65%25%32%65/other",
      "/v1%00",
      "/v1%2500",
    ])(
      "what may lead a server out of a path prefix is out of it, and goes bare: %s [F78 S1]",
      async (path) => {
        const { sent } = await spied(`${LISTED}/tenant/api`);
        expect(await sent(`${LISTED}/tenant/api${path}`)).toMatchObject({ authorization: null });
        // Without a prefix there is nothing to be led out of.
        expect(await (await spied()).sent(`${LISTED}/tenant/api${path}`)).toMatchObject({
          authorization: bearer,
        });
      },
    );

    it("an encoded way out of a prefix is out of it, however often it is encoded [F78]", async () => {
      const { sent } = await spied(`${LISTED}/tenant/api`);
      for (const dots of ["..", "%2e%2e", "%252e%252e", "%25252e%25252e"])
        expect(await sent(`${LISTED}/tenant/api/${dots}/other`)).toMatchObject({
          authorization: null,
        });
    });

    it.each([
      "/100%25",
      "/a%20b;v=1",
      "/caf%c3%a9",
      "/%e9",
      "/a.b",
      "/a%2Cb",
      "/..a",
      "/x%e2%82%ac",
    ])("an ordinary path below a prefix is in it: %s [F78]", async (path) => {
      const { sent } = await spied(`${LISTED}/tenant/api`);
      expect(await sent(`${LISTED}/tenant/api${path}`)).toMatchObject({ authorization: bearer });
    });

    it("a request to any other origin goes out bare, and is told once for each [F88]", async () => {
      const { api, vault, events } = await stage.open();
      const others = [await stage.spawn(), await stage.spawn()];
      for (let n = 0; n < 2; n++)
        for (const { url } of others) {
          const seen = await echoOf(vault.fetch(`${url}/public/echo?${n}`));
          expect(seen.authorization).toBe(false);
        }
      await echoOf(vault.fetch(`${api.url}/public/echo`));
      const bare = (): unknown[] => events.filter(({ type }) => type === "bare");
      await expect.poll(bare).toHaveLength(2);
      expect(bare()).toMatchObject(others.map(({ url }) => ({ origin: url, account: "default" })));
    });

    it("http on a loopback host only by the option whose name is a warning [S3]", async () => {
      for (const host of [
        "localhost:8080",
        "api.localhost",
        "127.0.0.1",
        "127.9.9.9:1",
        "[::1]:1",
      ]) {
        expect(() =>
          createVault({ provider: providerFor(`http://${host}`), store: memoryStore() }),
        ).toThrow(expect.objectContaining({ code: "invalid_option" }));
        const { sent } = await spied(`http://${host}`, true);
        expect(await sent(`http://${host}/v1`)).toMatchObject({ authorization: bearer });
        expect(await sent(`https://${host}/v1`)).toMatchObject({ authorization: null });
      }
      for (const host of [
        "api.vmcloud.com",
        "localhost.evil.com",
        "127.0.0.1.evil.com",
        "10.0.0.1",
      ])
        await expect(spied(`http://${host}`, true)).rejects.toMatchObject({
          code: "invalid_option",
        });
    });

    describe.runIf(typeof document === "object")("in a page", () => {
      const base = (): HTMLBaseElement => document.head.appendChild(document.createElement("base"));
      afterEach(() => document.querySelector("base")?.remove());

      it("a relative address goes to the page's own server, bare [S1]", async () => {
        const { sent } = await spied();
        const answer = await sent("/v1/vms");
        expect(answer).toMatchObject({ url: plainly("/v1/vms"), authorization: null });
      });

      it("a relative address is resolved as fetch does it, <base> included [S1]", async () => {
        base().href = `${LISTED}/v1/`;
        const { sent } = await spied();
        for (const input of ["vms", "/v1/vms", "?x", "//evil.com/v1", "../../..", "https:vms"])
          expect(await sent(input), input).toEqual({
            url: input.includes("evil") ? plainly(input) : new URL(input, document.baseURI).href,
            authorization: input.includes("evil") ? null : bearer,
          });
      });

      it.runIf(stage.faithful)("an element named baseURI moves no address [F79]", async () => {
        const image = document.body.appendChild(document.createElement("img"));
        image.setAttribute("name", "baseURI");
        image.id = "baseURI";
        const { sent } = await spied(location.origin, true);
        const answer = await sent("/v1/vms").finally(() => image.remove());
        expect(answer).toEqual({ url: `${location.origin}/v1/vms`, authorization: bearer });
      });

      // happy-dom's frames have no constructors of their own.
      it.runIf(stage.faithful)(
        "a frame's Request, another realm's, keeps its address",
        async () => {
          const frame = document.body.appendChild(document.createElement("iframe"));
          const { Request: Foreign } = frame.contentWindow as unknown as typeof globalThis;
          for (const [listed, url] of [
            [LISTED, `${LISTED}/v1/vms`],
            // Its name as a text would be an address on the page's own server.
            [location.origin, `${location.origin}/v1/vms`],
            [location.origin, "https://evil.com/v1"],
          ] as const) {
            const { sent } = await spied(listed, true);
            expect(await sent(new Foreign(url))).toMatchObject({ url });
          }
          frame.remove();
        },
      );

      it("a foreign <base> takes no token along [S1]", async () => {
        base().href = "https://evil.com/v1/";
        const { sent } = await spied();
        expect(await sent("vms")).toMatchObject({ authorization: null });
        expect(await sent("//api.vmcloud.com/v1")).toMatchObject({ authorization: bearer });
      });
    });
  });
}
