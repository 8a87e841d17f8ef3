/**
 * An application as somebody else writes it: it knows the packed file alone. What it finds, it
 * writes into the page, as JSON.
 */
import { createVault, isVaultError, readProblem } from "tokenkeep/browser";
import { claryJwt } from "tokenkeep/providers/clary-jwt";
import { vmcloud } from "tokenkeep/providers/vmcloud";
import { verifyWebhook } from "tokenkeep/webhook";
import { vaultMiddleware } from "tokenkeep/wretch";
import wretch from "wretch";

const parameters = new URL(location.href).searchParams;
const baseURL = parameters.get("api") ?? "";
const email = parameters.get("email");
const password = parameters.get("password");

const vault = createVault({
  provider: vmcloud({ baseURL }),
  dangerouslyAllowLoopbackHttp: true,
});

/** RFC 4231 §4.3. */
async function webhook(): Promise<boolean> {
  const hmac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  const request = new Request("https://app.example/hooks", {
    method: "POST",
    headers: { "x-webhook-signature": `sha256=${hmac}` },
    body: "what do ya want for nothing?",
  });
  const result = await verifyWebhook(request, {
    secret: "Jefe",
    // The vector's own.
    dangerouslyAllowShortSecret: true,
  });
  return result.ok && result.text().endsWith("nothing?");
}

async function run(): Promise<object> {
  if (email !== null && password !== null) await vault.signIn({ email, password });
  const response = await vault.fetch(`${baseURL}/v1/me`);
  const missing = await vault.fetch(`${baseURL}/v1/nothing`);
  const me = await wretch(`${baseURL}/v1`)
    .middlewares([vaultMiddleware(vault)])
    .get("/me")
    .json<{ email: string }>();
  return {
    status: response.status,
    persisted: vault.snapshot().persisted,
    problem: (await readProblem(missing)).status,
    wretch: me.email,
    webhook: await webhook(),
    provider: claryJwt().name,
  };
}

const output = document.querySelector("output")!;
run().then(
  (found) => (output.value = JSON.stringify(found)),
  (error: unknown) => (output.value = isVaultError(error) ? error.code : String(error)),
);
