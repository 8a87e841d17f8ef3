/** What a built application is served by, and the way from its browser to the test servers. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import path from "node:path";
import { TLSSocket } from "node:tls";
import { serve, type Served } from "../apis/serve.ts";
import { selfSigned } from "../support/certificate.ts";

const types: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };

/** A folder of pages and scripts, as any host serves them. */
export const serveFolder = (folder: string, start = "index.html"): Promise<Served> =>
  serve(async (request) => {
    const { pathname } = new URL(request.url);
    const file = pathname === "/" ? start : pathname;
    const type = types[path.extname(file)];
    return type
      ? new Response(await readFile(path.join(folder, file)), {
          headers: { "content-type": `${type}; charset=utf-8` },
        })
      : new Response(null, { status: 404 });
  });

/**
 * A proxy by which a browser finds test servers under the names of APIs on the internet, over TLS.
 * `servers` are the origins of test servers by host name; no other host is reached.
 */
export async function serveProxy(servers: Readonly<Record<string, string>>): Promise<Served> {
  const certificate = selfSigned();
  const server = createServer((_, reply) => reply.writeHead(502).end());
  const open = new Set<{ destroy(): void }>();
  server.on("connect", (request, socket) => {
    open.add(socket);
    socket.on("error", () => socket.destroy());
    const [host = "", port] = request.url?.split(":") ?? [];
    const to = servers[host];
    if (!to || port !== "443") return void socket.end("HTTP/1.1 502 Unknown host\r\n\r\n");
    socket.write("HTTP/1.1 200 Connected\r\n\r\n");
    const secure = new TLSSocket(socket as never, { isServer: true, ...certificate });
    const inner = connect(Number(new URL(to).port), "127.0.0.1");
    for (const [from, into] of [
      [secure, inner],
      [inner, secure],
    ] as const)
      from
        .on("error", () => into.destroy())
        .on("close", () => into.destroy())
        .pipe(into);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
