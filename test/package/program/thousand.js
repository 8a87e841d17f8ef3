/**
 * A program in plain JavaScript, for a Node that runs no TypeScript: a thousand callers of a cold vault
 * share one signal, and a thousand more meet a token that the API has ended. It prints what came of them,
 * and every warning.
 */
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
const server = createServer((request, response) => {
  request.resume();
  if (request.url?.startsWith("/api/v1/auth/")) {
    grants += 1;
    const body = { token: `token-${grants}`, refresh_token: `refresh-${grants}`, expires_in: 3600 };
    response.setHeader("content-type", "application/json");
    // Those who come meanwhile wait for this one.
    setTimeout(() => response.end(JSON.stringify(body)), 50);
  } else {
    response.statusCode = request.headers.authorization === `Bearer token-${grants}` ? 200 : 401;
    response.end();
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
const address = server.address();
const baseURL = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;

const keys = keyring(`k1:${Buffer.alloc(32, "key").toString("base64")}`);
const store = encrypted(memoryStore(), keys);
const open = () =>
  createVault({ provider: vmcloud({ baseURL }), store, dangerouslyAllowLoopbackHttp: true });
const first = open();
await first.signIn({ email: "ada@example.com", password: "correct horse" });
first.close();

/** @param {() => Promise<unknown>} call */
const together = (call) => Promise.all(Array.from({ length: CALLERS }, call));

const vault = open();
const { signal } = new AbortController();
const statuses = await together(async () => {
  const response = await vault.fetch(`${baseURL}/v1/vms`, { signal });
  await response.body?.cancel();
  return response.status;
});
const rejected = await vault.getToken();
const tokens = await together(() => vault.getToken({ signal, rejected }));
vault.close();
server.closeAllConnections();
server.close();
// Node tells warnings one turn later.
setTimeout(() => {
  const about = {
    statuses: [...new Set(statuses)],
    tokens: [...new Set(tokens)],
    grants,
    warnings,
  };
  console.log(JSON.stringify(about));
}, 10);
