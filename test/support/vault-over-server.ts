/** A server that shows what it saw and answers as it is told, and a vault that is signed in to it. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createVault, type Vault } from "../../src/index.ts";
import { password, type PasswordCredentials } from "../../src/providers/password.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { Provider, VaultOptions } from "../../src/types.ts";

export interface Seen {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly authorization: string | undefined;
  /** The others, but those of the connection. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Ends the reply by itself where it answers `true`. */
export type Answer = (seen: Seen, response: ServerResponse) => boolean | void;

export interface Served {
  url: string;
  seen: Seen[];
  answer: Answer;
  /** Forgets what it saw, and what it was told. */
  reset(): void;
  close(): void;
}

export async function serve(): Promise<Served> {
  let granted = 0;
  const read = async (request: IncomingMessage): Promise<string> => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += String(chunk);
    return body;
  };
  // No idle connection is closed: a client that was busy meanwhile would send on it.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    void read(request).then((body) => {
      const { method, url: path } = request;
      const { authorization, host: _, connection: __, ...headers } = request.headers;
      const one = { method, path, authorization, headers, body };
      served.seen.push(one);
      if (served.answer(one, response)) return;
      const token = `token-${(granted += 1)}`;
      response.end(
        /^\/(login|refresh)$/.test(path!)
          ? JSON.stringify({ token, refresh: `r-${granted}`, expires_in: 3600 })
          : "ok",
      );
    });
  });
  const served: Served = {
    url: "",
    seen: [],
    answer: () => {},
    reset() {
      granted = 0;
      Object.assign(served, { seen: [], answer: () => {} });
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  served.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return served;
}

/** A provider of that server's. */
export const providerOf = ({ url }: Served): Provider<PasswordCredentials> =>
  password({
    name: "served",
    origins: [url],
    tokenUrl: `${url}/login`,
    refreshUrl: `${url}/refresh`,
    read: ({ token, refresh, expires_in }) => ({
      accessToken: token,
      refreshToken: refresh,
      expiresIn: expires_in,
    }),
  });

/** A vault that is signed in with `token-1`; what that took is not among what was seen. */
export async function open(
  api: Served,
  options: Partial<VaultOptions<PasswordCredentials>> = {},
): Promise<Vault<PasswordCredentials>> {
  const vault = createVault({
    provider: providerOf(api),
    store: memoryStore(),
    dangerouslyAllowLoopbackHttp: true,
    ...options,
  });
  await vault.signIn({ email: "ada", password: "secret" });
  api.seen = [];
  return vault;
}

/** The first call is answered with 401. */
export function refuseOnce(api: Served, headers: Readonly<Record<string, string>> = {}): void {
  let refused = false;
  api.answer = ({ path }, response) => {
    if (refused || path === "/refresh") return false;
    refused = true;
    response.writeHead(401, headers).end();
    return true;
  };
}
