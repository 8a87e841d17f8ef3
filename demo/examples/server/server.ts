/**
 * A web server of several processes. Its visitors sign in to VMCloud; their sessions lie in PostgreSQL,
 * sealed, and every process serves every visitor.
 */
import cluster from "node:cluster";
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { Pool } from "pg";
import { createVault, isVaultError, type Vault } from "tokenkeep";
import { postgresChannel } from "tokenkeep/channels/postgres";
import { localLock } from "tokenkeep/locks/local";
import type { PasswordCredentials } from "tokenkeep/providers/password";
import { vmcloud } from "tokenkeep/providers/vmcloud";
import { encrypted, keyring } from "tokenkeep/stores/encrypted";
import { postgresStore } from "tokenkeep/stores/postgres";

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

/** The vaults of the visitors who came last: each takes some kilobytes, and its session is in the database. */
const MOST = 1_000;
const vaults = new Map<string, Vault<PasswordCredentials>>();

function vaultOf(account: string): Vault<PasswordCredentials> {
  const vault = vaults.get(account) ?? createVault({ ...shared, account });
  vaults.delete(account);
  vaults.set(account, vault);
  const [oldest] = vaults;
  if (oldest && vaults.size > MOST) {
    vaults.delete(oldest[0]);
    oldest[1].close();
  }
  return vault;
}

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
  const { email, password } = (await json(request)) as PasswordCredentials;
  // An account of its own for each sign-in: nobody gets the session of somebody who signed in before.
  const account = randomUUID();
  await vaultOf(account).signIn({ email, password });
  const cookie = `visitor=${account}.${sign(account)}; Path=/; HttpOnly; Secure; SameSite=Lax`;
  return [200, { signedIn: true }, { "set-cookie": cookie }];
}

async function listVms(vault: Vault<PasswordCredentials>): Promise<Answer> {
  const response = await vault.fetch("https://api.vmcloud.com/v1/vms");
  return [response.status, await response.json()];
}

async function answer(request: IncomingMessage): Promise<Answer> {
  const route = `${request.method} ${request.url}`;
  if (route === "POST /login") return signIn(request);
  const account = visitorOf(request);
  if (account === undefined) return [401, { error: "Sign in first: POST /login" }];
  if (route === "GET /vms") return listVms(vaultOf(account));
  if (route !== "POST /logout") return [404, { error: "Nothing is here" }];
  await vaultOf(account).signOut();
  return [200, { signedIn: false }];
}

/** 401 where only a sign-in helps, 503 where another try does. */
function refusal(error: unknown): Answer {
  if (!isVaultError(error)) return [400, { error: "This request cannot be read" }];
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
  createServer((request, response) => void serve(request, response)).listen(
    Number(PORT),
    "127.0.0.1",
    () => console.log(`Process ${process.pid} serves http://127.0.0.1:${PORT}`),
  );
}
