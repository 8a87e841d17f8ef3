/** happy-dom's fetch, of which an application's own tests have no other. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { createVault } from "../../src/index.ts";
import { password } from "../../src/providers/password.ts";
import { memoryStore } from "../../src/stores/memory.ts";

it("a 401 whose body is still on its way is healed, and its end disturbs nobody [P12]", async () => {
  let late: ServerResponse | undefined;
  await using server = await serve((request, response) => {
    if (request.url === "/refresh") response.end(JSON.stringify({ token: "second" }));
    else if (request.headers.authorization === "Bearer second") response.end("healed");
    else {
      late = response.writeHead(401);
      late.write("not");
    }
  });

  const provider = password({
    name: "acme",
    origins: [server.url],
    tokenUrl: `${server.url}/login`,
    refreshUrl: `${server.url}/refresh`,
    read: ({ token }) => ({ accessToken: token, refreshToken: "next", expiresIn: 3600 }),
  });
  await using vault = createVault({
    provider,
    store: memoryStore(),
    dangerouslyAllowLoopbackHttp: true,
  });
  await vault.adopt({ accessToken: "first", refreshToken: "spent" });

  const response = await vault.fetch(`${server.url}/vms`);
  expect(await response.text()).toBe("healed");

  // Vitest fails a run in which an error was thrown that nobody could catch.
  const { socket } = late ?? {};
  late?.end();
  if (socket) await once(socket, "close");
});

async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((request, response) => {
    response.setHeader("connection", "close");
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-headers", "*");
    if (request.method === "OPTIONS") response.end();
    else answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
