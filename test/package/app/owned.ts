/** The same application with its vault in a worker, as the documentation writes it. */
import type { PasswordCredentials } from "tokenkeep/providers/password";
import { connectVault, isVaultError } from "tokenkeep/worker";

declare const API: string;

let fellBack = false;
const vault = connectVault<PasswordCredentials>(
  () => new SharedWorker(new URL("./vault.worker.ts", import.meta.url), { type: "module" }),
  {
    fallback: () => {
      fellBack = true;
      return import("./vault.worker.ts");
    },
  },
);

async function run(): Promise<object> {
  const parameters = new URL(location.href).searchParams;
  const email = parameters.get("email");
  const password = parameters.get("password");
  if (email !== null && password !== null) await vault.signIn({ email, password });
  const { status } = await vault.fetch(`${API}/v1/me`);
  return { status, fellBack, generation: vault.snapshot().generation };
}

const output = document.querySelector("output")!;
run().then(
  (found) => (output.value = JSON.stringify(found)),
  (error: unknown) => (output.value = isVaultError(error) ? error.code : String(error)),
);
