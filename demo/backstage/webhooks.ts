/** The demo sends itself webhooks as VMCloud signs them: over HTTP, to a receiver of its own. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { ViteDevServer } from "vite";
import { hexSignature } from "../../test/support/webhooks.ts";

/** Where the receiver listens, on the page's server. */
const PATH = "/hooks/vmcloud";

export interface Webhooks {
  /** Sends one, and tells what the receiver answered. */
  send(kind: string): Promise<object>;
}

export function createWebhooks(vite: ViteDevServer): Webhooks {
  // Made anew at each start; known to the sender and the receiver.
  const secret = crypto.randomUUID();

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    // By Vite, as the page is: `tokenkeep/webhook` leads to the sources.
    const { receive } = (await vite.ssrLoadModule("/paste/webhook.ts")) as {
      receive: (request: Request, secret: string) => Promise<Response>;
    };
    const request = new Request(`http://localhost${PATH}`, {
      method: "POST",
      headers: { "x-webhook-signature": String(incoming.headers["x-webhook-signature"] ?? "") },
      body: Readable.toWeb(incoming) as ReadableStream,
      ...{ duplex: "half" },
    });
    const response = await receive(request, secret);
    outgoing.writeHead(response.status, { "content-type": "application/json" });
    outgoing.end(await response.text());
  }

  vite.middlewares.use(PATH, (incoming, outgoing, fail) => {
    answer(incoming, outgoing).catch(fail);
  });

  return {
    async send(kind) {
      const body = JSON.stringify({ id: crypto.randomUUID(), type: "vm.started", vm: "vm-1" });
      const signature = await hexSignature({ secret, body });
      // A forger has seen a signature, and puts another machine under it.
      const sent = kind === "forged" ? body.replace("vm-1", "vm-2") : body;
      const response = await fetch(new URL(PATH, vite.resolvedUrls!.local[0]), {
        method: "POST",
        headers: { "x-webhook-signature": signature },
        body: sent,
      });
      return { status: response.status, ...((await response.json()) as object) };
    },
  };
}
