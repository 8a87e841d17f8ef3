/**
 * A program in plain JavaScript, for a Node that runs no TypeScript: a thousand callers of a cold vault
 * share one signal, and a thousand more meet a token that the API has ended. It prints what came of them,
 * and every warning.
 */
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
