/**
 * A web server of several processes. Its visitors sign in to VMCloud; their sessions lie in PostgreSQL,
 * sealed, and every process serves every visitor.
 */
import cluster from "node:cluster";
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Pool } from "pg";
import { createVault, isVaultError, type Vault } from "tokenkeep";
import { postgresChannel } from "tokenkeep/channels/postgres";
import { localLock } from "tokenkeep/locks/local";
import type { PasswordCredentials } from "tokenkeep/providers/password";
import { vmcloud } from "tokenkeep/providers/vmcloud";
import { encrypted, keyring } from "tokenkeep/stores/encrypted";
import { postgresStore } from "tokenkeep/stores/postgres";
import { createVaults } from "tokenkeep/vaults";
import { isForeign, readJson } from "./requests.ts";

const { DATABASE_URL, KEYS, COOKIE_SECRET, PORT = "3000", PROCESSES = "4" } = process.env;
if (!DATABASE_URL || !KEYS || !COOKIE_SECRET)
  throw new Error("Set DATABASE_URL, KEYS and COOKIE_SECRET: the README says how.");
const secret: string = COOKIE_SECRET;

const pool = new Pool({ connectionString: DATABASE_URL });
// Without a listener a lost connection ends the process.
pool.on("error", ({ message }) => console.error(`PostgreSQL: ${message}`));

const shared = {
  provider: vmcloud(),
  store: encrypted(postgresStore(pool), keyring(KEYS)),
  channel: postgresChannel(pool),
  lock: localLock(),
};

/** Those of the visitors who came last stay in memory; everybody's session is in the database. */
const vaults = createVaults((account) => createVault({ ...shared, account }));

const sign = (account: string): string =>
  createHmac("sha256", secret).update(account).digest("base64url");

/** Whose request it is: a cookie that only this server can have signed says so, and nothing else does. */
function visitorOf({ headers }: IncomingMessage): string | undefined {
  const cookie = /(?:^|; )visitor=([\w-]{36})\.([\w-]{43})(?:;|$)/.exec(headers.cookie ?? "");
  const [, account = "", tag = ""] = cookie ?? [];
  const isOurs = cookie && timingSafeEqual(Buffer.from(tag), Buffer.from(sign(account)));
  return isOurs ? account : undefined;
}

type Answer = readonly [status: number, body: unknown, headers?: Record<string, string>];

async function signIn(request: IncomingMessage): Promise<Answer> {
  const body = await readJson(request).catch(() => null);
  if (body === undefined) return [413, { error: "This is too long" }, { connection: "close" }];
  const { email, password } = Object(body) as Partial<PasswordCredentials>;
  if (typeof email !== "string" || typeof password !== "string")
    return [400, { error: "A sign-in is JSON, with an email and a password" }];
  // An account of its own for each sign-in: nobody gets the session of somebody who signed in before.
  const account = randomUUID();
  await vaults.with(account, (vault) => vault.signIn({ email, password }));
  const cookie = `visitor=${account}.${sign(account)}; Path=/; HttpOnly; Secure; SameSite=Lax`;
  return [200, { signedIn: true }, { "set-cookie": cookie }];
}

async function listVms(vault: Vault<PasswordCredentials>): Promise<Answer> {
  const response = await vault.fetch("https://api.vmcloud.com/v1/vms");
  return [response.status, await response.json()];
}

async function answer(request: IncomingMessage): Promise<Answer> {
  const route = `${request.method} ${request.url}`;
  if (request.method !== "GET" && isForeign(request))
    return [403, { error: "Another site's page may not do this" }];
  if (route === "POST /login") return signIn(request);
  const account = visitorOf(request);
  if (account === undefined) return [401, { error: "Sign in first: POST /login" }];
  if (route === "GET /vms") return vaults.with(account, listVms);
  if (route !== "POST /logout") return [404, { error: "Nothing is here" }];
  await vaults.with(account, (vault) => vault.signOut());
  return [200, { signedIn: false }];
}

/** 401 where only a sign-in helps, 502 and 503 where another try does. */
function refusal(error: unknown): Answer {
  if (!isVaultError(error)) return [502, { error: "VMCloud cannot be reached, or cannot be read" }];
  const isOver = ["no_session", "sign_in_required", "credentials_refused"].includes(error.code);
  return [isOver ? 401 : 503, { error: error.message }];
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [status, body, headers] = await answer(request).catch(refusal);
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

if (cluster.isPrimary) {
  for (let count = 0; count < Number(PROCESSES); count++) cluster.fork();
  cluster.on("exit", () => void cluster.fork());
} else {
  // A request that comes byte by byte is not waited for.
  const limits = { headersTimeout: 10_000, requestTimeout: 10_000 };
  createServer(limits, (request, response) => void serve(request, response)).listen(
    Number(PORT),
    "127.0.0.1",
    () => console.log(`Process ${process.pid} serves http://127.0.0.1:${PORT}`),
  );
}
