/** docs/fetch.md: server-sent events and a WebSocket, as they stand there. */
import { createHash } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import type { Vault } from "../../src/index.ts";
import { reply } from "../support/fake-api.ts";
import { root, workshop } from "../support/programs.ts";
import { signedIn } from "../support/vault.ts";
import { read, snippetsOf } from "./pages.ts";

const { save, remove } = workshop();
afterAll(remove);

/** The page's example with this word in it, as a function of a vault, and with a console of the test's. */
async function recipe(
  word: string,
  address: readonly [written: string, real: string],
): Promise<(vault: Vault<never>, console: object) => Promise<unknown>> {
  const { code } = snippetsOf("docs/fetch.md", read("docs/fetch.md")).find((one) =>
    one.code.includes(word),
  )!;
  const body = code.replace(/^import .*\n/m, "").replace(...address);
  const undici = pathToFileURL(`${root}/node_modules/undici/index.js`).href;
  const file = save(
    `import undici from ${JSON.stringify(undici)};\nconst { WebSocket } = undici;\n` +
      `export async function run(vault: any, console: any) {\n${body}\n}\n`,
  );
  return ((await import(/* @vite-ignore */ pathToFileURL(file).href)) as never)["run"];
}

/** A server that accepts a WebSocket's handshake, and tells its headers. */
async function listen(): Promise<{ url: string; headers: Promise<IncomingHttpHeaders> }> {
  const server = createServer();
  const headers = new Promise<IncomingHttpHeaders>((resolve) => {
    server.on("upgrade", (request, socket) => {
      const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash("sha1").update(key).digest("base64");
      socket.on("error", () => {});
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      onClose.push(() => socket.destroy());
      resolve(request.headers);
    });
  });
  const onClose: (() => void)[] = [() => server.close()];
  onTestFinished(() => onClose.forEach((close) => close()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, headers };
}

describe("docs/fetch.md", () => {
  it("server-sent events come through vault.fetch, with the token, and a 401 is healed [P11]", async () => {
    const { vault, api } = await signedIn();
    api.api = ({ headers }) =>
      headers.get("authorization") === "Bearer access-1-secret"
        ? reply(401, {})
        : new Response(new Blob(["data: one\n\n"]).stream(), {
            headers: { "content-type": "text/event-stream" },
          });
    const run = await recipe("text/event-stream", [
      "https://api.vmcloud.com/v1/events",
      "https://api.acme.test/v1/events",
    ]);
    const printed: unknown[] = [];
    await run(vault as never, { log: (text: unknown) => printed.push(text) });
    expect(printed).toEqual(["data: one\n\n"]);
    expect(api.to("/v1/events").map(({ headers }) => headers.get("authorization"))).toEqual([
      "Bearer access-1-secret",
      "Bearer access-2-secret",
    ]);
  });

  it("a WebSocket's handshake shows the token [S6]", async () => {
    const { vault } = await signedIn();
    const { url, headers } = await listen();
    const run = await recipe("WebSocket", ["wss://api.vmcloud.com/v1/console", url]);
    await run(vault as never, {});
    expect(await headers).toMatchObject({ authorization: "Bearer access-1-secret" });
  });
});
