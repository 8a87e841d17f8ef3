/**
 * A handler on a real socket, for Node: loopback only. By `node:http` itself, because a dropped
 * reply has to destroy the very socket that the call came on. A request's `signal` is aborted when
 * its connection closes before the reply has been sent.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import type { Handler } from "./replies.ts";

export interface ServeOptions {
  /** Default 0: any free one. */
  readonly port?: number;
  /**
   * Default true. With `false` each reply closes its connection: browsers send a POST again on
   * their own when a connection that served before dies without a reply.
   */
  readonly keepAlive?: boolean;
}

export interface Served {
  /** The origin, without a slash at the end. */
  readonly url: string;
  /** Destroys what is open and stops listening. */
  close(): Promise<void>;
}

export async function serve(handler: Handler, options: ServeOptions = {}): Promise<Served> {
  const { port = 0, keepAlive = true } = options;
  // Idle connections stay: a client that was busy for Node's five seconds would send on one that dies.
  const server = createServer({ keepAliveTimeout: 0 }, (incoming, outgoing) => {
    if (!keepAlive) outgoing.setHeader("connection", "close");
    // Whatever goes wrong, a dropped reply first of all: the connection dies.
    answer(handler, incoming, outgoing).catch(() => incoming.socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function answer(
  handler: Handler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const { method = "GET", headers, url = "/" } = incoming;
  const hasBody = method !== "GET" && method !== "HEAD";
  const gone = new AbortController();
  const request = new Request(`http://${headers.host ?? "127.0.0.1"}${url}`, {
    method,
    headers: Object.entries(headers).map(([name, value]) => [name, String(value)]),
    signal: gone.signal,
    ...(hasBody && { body: Readable.toWeb(incoming) as ReadableStream, duplex: "half" }),
  });
  outgoing.once("close", () => {
    // Node's `Request` follows a signal only as long as somebody holds the request itself.
    if (!outgoing.writableFinished && !request.signal.aborted) gone.abort();
  });
  const reply = await handler(request);
  outgoing.writeHead(reply.status, [...reply.headers].flat());
  if (reply.body === null) {
    outgoing.end();
    return;
  }
  const reader = reply.body.getReader();
  // A client that has gone frees a body that would never end.
  outgoing.once("close", () => void reader.cancel().catch(() => {}));
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    // Each part is on its way before the next is asked for: should that one fail, and the
    // connection die, the client has got what came before.
    await written(outgoing, part.value);
  }
  outgoing.end();
}

function written(outgoing: ServerResponse, part: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    outgoing.write(part, (error) => (error ? reject(error) : resolve()));
  });
}
