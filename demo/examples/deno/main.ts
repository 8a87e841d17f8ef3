/** A server for Deno: it signs in once, and all its processes on one database share that session. */
import { createVault, isVaultError } from "tokenkeep/deno";
import { password } from "tokenkeep/providers/password";

const API = "https://api.example.com";
const env = (name: string): string => Deno.env.get(name) ?? "";

const vault = createVault({
  provider: password({
    name: "example",
    origins: [API],
    tokenUrl: `${API}/login`,
    refreshUrl: `${API}/refresh`,
    revokeUrl: `${API}/logout`,
  }),
  kv: await Deno.openKv(),
  keys: env("TOKENKEEP_KEYS"),
});

let starting: Promise<void> | undefined;

/** Signs in where nobody has yet, or where the session has ended. */
async function signIn(): Promise<void> {
  try {
    await vault.getToken();
  } catch (error) {
    if (isVaultError(error) && /no_session|sign_in_required/.test(error.code))
      await vault.signIn({ email: env("EXAMPLE_EMAIL"), password: env("EXAMPLE_PASSWORD") });
  }
}

/** All who come meanwhile share one sign-in. */
function start(): Promise<void> {
  starting ??= signIn().finally(() => (starting = undefined));
  return starting;
}
await start();

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

Deno.serve(async () => {
  try {
    await start();
    const response = await vault.fetch(`${API}/things`);
    if (!response.ok) return new Response(`The API answered ${response.status}.`, { status: 502 });
    const things = (await response.json()) as string[];
    const items = things.map((name) => `<li>${escaped(name)}</li>`).join("");
    const page = `<!doctype html><title>Things</title><ul>${items}</ul>`;
    return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
  } catch (error) {
    const text = isVaultError(error) ? error.message : "The API cannot be reached.";
    return new Response(text, { status: 503 });
  }
});
