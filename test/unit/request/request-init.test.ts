/** What a caller says is read as Fetch reads it, and kept; what goes on the wire is as from `fetch`. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Vault, VaultRequestInit } from "../../../src/index.ts";
import { acme } from "../../support/fake-api.ts";
import { bench } from "../../support/vault.ts";

interface Wire {
  readonly method: string | undefined;
  readonly names: readonly string[];
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

let wire: Wire[] = [];
let url: string;
let vault: Vault<never>;
const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
  request.on("end", () => {
    const { method, rawHeaders, headers } = request;
    wire.push({ method, names: rawHeaders.filter((_, index) => index % 2 === 0), headers, body });
    response.writeHead(request.url === "/moved" ? 307 : 200, { location: "/to" }).end();
  });
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const opened = bench({
    provider: acme({ origins: [url] }),
    fetch,
    dangerouslyAllowLoopbackHttp: true,
  });
  vault = opened.vault as Vault<never>;
  await opened.vault.adopt({ accessToken: "token" });
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

/** What goes out for it, by `fetch` and by the vault. */
async function both(make: () => RequestInit, path = "/"): Promise<[Wire, Wire]> {
  wire = [];
  await fetch(url + path, make());
  await vault.fetch(url + path, make() as VaultRequestInit);
  return [wire.at(-2)!, wire.at(-1)!];
}

describe("an init", () => {
  class WithAccessors {
    get method(): string {
      return "PUT";
    }
    get body(): string {
      return "by an accessor";
    }
    get headers(): Record<string, string> {
      return { "x-own": "1" };
    }
  }
  class Inheriting extends WithAccessors {}

  const inits: Readonly<Record<string, () => object>> = {
    "of a class with accessors": () => new WithAccessors(),
    "of a class that inherits them": () => new Inheriting(),
    "with members that cannot be enumerated": () =>
      Object.defineProperties({}, { method: { value: "PUT" }, body: { value: "hidden" } }),
    "behind a proxy": () => new Proxy({ method: "PUT", body: "behind a proxy" }, {}),
  };

  it.each(Object.keys(inits))("%s is read as fetch reads it [F90]", async (name) => {
    const [plain, vaulted] = await both(inits[name] as () => RequestInit);
    expect(vaulted).toMatchObject({ method: "PUT", body: plain.body });
    expect(vaulted.headers["x-own"]).toBe(plain.headers["x-own"]);
    expect(vaulted.headers["authorization"]).toBe("Bearer token");
  });

  it("is asked for each member once, for the first send and the one after a redirect [F90 F68]", async () => {
    let asked = 0;
    const init = {
      method: "POST",
      get body() {
        return `asked ${(asked += 1)}`;
      },
    };
    wire = [];
    await vault.fetch(`${url}/moved`, init);
    expect(wire.map(({ body }) => body)).toEqual(["asked 1", "asked 1"]);
  });
});

describe("the names of headers", () => {
  const pairs: [string, string][] = [
    ["X-API-Version", "1"],
    ["x-lower", "2"],
    ["X-MiXeD", "3"],
  ];
  const containers: Readonly<Record<string, () => HeadersInit>> = {
    "an object": () => Object.fromEntries(pairs),
    pairs: () => pairs,
    Headers: () => new Headers(pairs),
  };
  const own = ({ names }: Wire): string[] => names.filter((name) => /^x-/i.test(name));

  it.each(Object.keys(containers))(
    "keep their case in %s, redirects included [law 6]",
    async (name) => {
      for (const path of ["/", "/moved"]) {
        const [plain, vaulted] = await both(() => ({ headers: containers[name]!() }), path);
        expect(own(vaulted)).toEqual(own(plain));
      }
      expect(own(wire[0]!).toSorted()).toEqual(["X-API-Version", "X-MiXeD", "x-lower"]);
    },
  );

  it("keep their case on a Request [law 6]", async () => {
    wire = [];
    await vault.fetch(new Request(url, { headers: pairs }));
    expect(own(wire[0]!).toSorted()).toEqual(["X-API-Version", "X-MiXeD", "x-lower"]);
  });
});
