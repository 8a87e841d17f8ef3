/** The API that the clients are tried with: one that a test rules, over a real socket, in each client's protocol. */
import path from "node:path";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { JSONRPCMessageSchema } from "@modelcontextprotocol/sdk/types.js";
import { initTRPC } from "@trpc/server";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { buildSchema, graphql } from "graphql";
import { type FakeApi, fakeApi } from "tokenkeep/testing";
import { serve } from "../apis/sockets.ts";

const THINGS: readonly string[] = ["lamp", "chair"];

const t = initTRPC.create();
const router = t.router({ things: t.procedure.query(() => THINGS) });
export type AppRouter = typeof router;

const schema = buildSchema("type Query { things: [String!]! }");

function createMcpServer(): McpServer {
  const server = new McpServer({ name: "acme", version: "1.0.0" });
  for (const name of THINGS) server.registerTool(name, {}, () => ({ content: [] }));
  return server;
}

/** What was connected by SSE: a client posts to the address that the first event has told it. */
const connected = new Map<string, Transport>();

/** One stream of the MCP's older transport, whose own server wants Node's sockets. */
function openStream(): Response {
  const id = crypto.randomUUID();
  const { readable, writable } = new TransformStream<string, string>();
  const writer = writable.getWriter();
  const tell = (event: string, data: string) => writer.write(`event: ${event}\ndata: ${data}\n\n`);
  const transport: Transport = {
    start: () => tell("endpoint", `/sse/${id}`),
    send: (message) => tell("message", JSON.stringify(message)),
    async close() {
      connected.delete(id);
    },
  };
  connected.set(id, transport);
  // The first write waits until somebody reads.
  void createMcpServer().connect(transport);
  const body = readable.pipeThrough(new TextEncoderStream());
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

type Answer = (request: Request) => Promise<Response>;

const answers: Readonly<Record<string, Answer>> = {
  async graphql(request) {
    // urql asks by GET where a query is short.
    const asked = new URL(request.url).searchParams.get("query");
    const { query } =
      asked === null ? ((await request.json()) as { query: string }) : { query: asked };
    return Response.json(await graphql({ schema, source: query, rootValue: { things: THINGS } }));
  },
  trpc: async (req) => fetchRequestHandler({ endpoint: "/trpc", req, router }),
  async events() {
    const body = `data: ${JSON.stringify(THINGS)}\n\n`;
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  },
  async mcp(request) {
    // Without sessions each request has a server of its own.
    const server = createMcpServer();
    const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
    await server.connect(transport);
    return transport.handleRequest(request);
  },
  async sse(request) {
    if (request.method === "GET") return openStream();
    const transport = connected.get(path.basename(request.url));
    if (!transport) return new Response(null, { status: 404 });
    transport.onmessage?.(JSONRPCMessageSchema.parse(await request.json()));
    return new Response(null, { status: 202 });
  },
  async v1() {
    const data = THINGS.map((id) => ({ id, object: "model", created: 0, owned_by: "acme" }));
    return Response.json({ object: "list", data });
  },
  things: async () => Response.json(THINGS),
};

export interface Acme {
  readonly api: FakeApi;
  close(): Promise<void>;
}

export async function createAcme(): Promise<Acme> {
  let api: FakeApi | undefined;
  const served = await serve(async (request) => api?.fetch(request) ?? Response.error());
  api = fakeApi({
    origin: served.url,
    answer(request) {
      const [, first = ""] = new URL(request.url).pathname.split("/");
      return answers[first]?.(request) ?? new Response(null, { status: 404 });
    },
  });
  return { api, close: () => served.close() };
}
