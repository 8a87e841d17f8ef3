/**
 * A program in plain JavaScript, for a Node that runs no TypeScript: a thousand callers of a cold vault
 * share one signal, a thousand more ask for a token in place of one that the API has ended, and a thousand
 * are redirected and meet a 401, over real sockets. It prints what came of them, and every warning.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { createVault } from "tokenkeep";
import { vmcloud } from "tokenkeep/providers/vmcloud";
import { encrypted, keyring } from "tokenkeep/stores/encrypted";
import { memoryStore } from "tokenkeep/stores/memory";

const CALLERS = 1000;

/** @type {string[]} */
const warnings = [];
process.on("warning", ({ name }) => warnings.push(name));

let grants = 0;
/** The API, without sockets: a thousand of them would be this machine's to serve. */
async function send(
  /** @type {string | URL | Request} */ input,
  /** @type {RequestInit} */ init = {},
) {
  if (!String(input).includes("/api/v1/auth/")) {
    const isNow = new Headers(init.headers).get("authorization") === `Bearer token-${grants}`;
    return new Response(null, { status: isNow ? 200 : 401 });
  }
  grants += 1;
  // Those who come meanwhile wait for this one.
  await new Promise((resolve) => setImmediate(resolve));
  const tokens = { token: `token-${grants}`, refresh_token: `refresh-${grants}`, expires_in: 3600 };
  return Response.json(tokens);
}

const keys = keyring(`k1:${Buffer.alloc(32, "key").toString("base64")}`);
const store = encrypted(memoryStore(), keys);
const open = () => createVault({ provider: vmcloud(), store, fetch: send });
const first = open();
await first.signIn({ email: "ada@example.com", password: "correct horse" });
first.close();

/** @param {() => Promise<unknown>} call */
const together = (call) => Promise.all(Array.from({ length: CALLERS }, call));

const vault = open();
const { signal } = new AbortController();
const statuses = await together(async () => {
  const { status } = await vault.fetch("https://api.vmcloud.com/v1/vms", { signal });
  return status;
});
const rejected = await vault.getToken();
const tokens = await together(() => vault.getToken({ signal, rejected }));
vault.close();

const server = createServer(({ url, headers }, reply) => {
  const isNow = headers.authorization === `Bearer token-${grants}`;
  if (url === "/old") reply.writeHead(302, { location: "/new" }).end();
  else reply.writeHead(isNow ? 200 : 401).end();
});
// They all knock at once: with Node's 511 places the rest would be asked to come again, a second later and more.
server.listen({ port: 0, host: "127.0.0.1", backlog: 2 * CALLERS });
await once(server, "listening");
const address = server.address();
const port = address && typeof address === "object" ? address.port : 0;
const origin = `http://127.0.0.1:${port}`;
const over = createVault({
  provider: { ...vmcloud(), origins: [origin] },
  store: memoryStore(),
  dangerouslyAllowLoopbackHttp: true,
  fetch: (input, init) =>
    String(input).startsWith(origin) ? fetch(input, init) : send(input, init),
});
await over.signIn({ email: "ada@example.com", password: "correct horse" });
// The API has ended the token that the vault has got.
grants += 1;
const healed = await together(async () => {
  const response = await over.fetch(`${origin}/old`, { signal });
  await response.text();
  return response.status;
});
over.close();
server.close();
server.closeAllConnections();
// Node tells warnings one turn later.
setTimeout(() => {
  const about = {
    statuses: [...new Set(statuses)],
    tokens: [...new Set(tokens)],
    healed: [...new Set(healed)],
    grants,
    warnings,
  };
  console.log(JSON.stringify(about));
}, 10);
