#!/usr/bin/env node
/** A command line tool: it signs in once, and is signed in at each later run. */
import process from "node:process";
import { createInterface } from "node:readline/promises";
import { createVault, isVaultError, readProblem } from "tokenkeep/node";
import { vmcloud } from "tokenkeep/providers/vmcloud";

const VMS = "https://api.vmcloud.com/v1/vms";
const HELP = `vms login <email>    asks for the password; $VMCLOUD_PASSWORD answers it
vms list             shows the machines
vms status           says who is signed in, and until when the token is good
vms logout           ends the session on this machine: VMCloud has no way to revoke`;

// The tool's name keeps its session apart from other tools' of the same user.
const vault = createVault({ provider: vmcloud(), account: "vms" });

async function readPassword(): Promise<string> {
  const given = process.env["VMCLOUD_PASSWORD"];
  if (given) return given;
  process.stderr.write("Password: ");
  // Without an output, nothing that is typed is shown.
  const terminal = createInterface({ input: process.stdin, terminal: process.stdin.isTTY });
  try {
    return await terminal.question("");
  } finally {
    terminal.close();
    process.stderr.write("\n");
  }
}

async function login(email: string | undefined): Promise<string> {
  if (!email) throw new TypeError("Whose? Say: vms login <email>");
  await vault.signIn({ email, password: await readPassword() });
  return vault.snapshot().persisted
    ? `Signed in as ${email}.`
    : "Signed in, but the session could not be stored: it ends with this run.";
}

async function list(): Promise<string> {
  const response = await vault.fetch(VMS);
  if (!response.ok) {
    const { status, message = "no reason given" } = await readProblem(response);
    throw new Error(`VMCloud answered ${status}: ${message}`);
  }
  const { vms } = (await response.json()) as { vms: { id: string; name: string }[] };
  return vms.map(({ id, name }) => `${id}\t${name}`).join("\n");
}

async function status(): Promise<string> {
  await vault.getToken();
  const { claims, expiresAt } = vault.snapshot();
  const until = expiresAt === undefined ? "" : ` until ${new Date(expiresAt).toISOString()}`;
  return `Signed in as ${String(claims?.["email"] ?? "somebody")}${until}.`;
}

async function logout(): Promise<string> {
  await vault.signOut();
  return "Signed out.";
}

/** What to do about an error: its message says that for the others. */
function adviceFor(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const needsLogin =
    isVaultError(error) && (error.code === "no_session" || error.code === "sign_in_required");
  return needsLogin ? "You are not signed in. Say: vms login <email>" : error.message;
}

const [command = "", argument] = process.argv.slice(2);
const commands = new Map([
  ["login", () => login(argument)],
  ["list", list],
  ["status", status],
  ["logout", logout],
]);

try {
  console.log((await commands.get(command)?.()) ?? HELP);
  // Nothing is lost by this: whatever a command has begun is stored by now.
  process.exit(0);
} catch (error) {
  console.error(adviceFor(error));
  process.exit(1);
}
