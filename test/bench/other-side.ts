/** The other side: a `fetch` that does next to nothing, and a real server. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export const VMS = "https://api.vmcloud.com/v1/vms";

/** `authorized` counts the requests that had a token, while `looks` is on. */
export const network = { looks: true, authorized: 0 };

const answer = new Response("{}");

const grant = (): Response =>
  Response.json({
    token: "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl",
    expires_at: new Date(Date.now() + 86_400_000).toISOString(),
    refresh_token: "refresh-1",
  });

/**
 * As little as a `fetch` can do: always the same answer, unless it signs somebody in or is asked to
 * look whether the token came along. The bare calls go to the very same function.
 */
export const stub: typeof fetch = async (input, init) =>
  network.looks ? look(input, init) : answer;

function look(input: string | URL | Request, init: RequestInit | undefined): Response {
  const request = new Request(input, init);
  if (request.url.endsWith("/auth/token")) return grant();
  if (request.headers.get("authorization")?.startsWith("Bearer ")) network.authorized++;
  return answer;
}

/** Starts the server on loopback. */
export async function serve(): Promise<{ origin: string; close: () => void }> {
  const server = createServer((request, response) => {
    if (request.url?.endsWith("/auth/token")) {
      void grant()
        .text()
        .then((text) => response.end(text));
    } else {
      if (request.headers.authorization?.startsWith("Bearer ")) network.authorized++;
      response.setHeader("content-type", "application/json");
      response.end('{"vms":[]}');
    }
  });
  // Connections stay open while the other cases are measured.
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
