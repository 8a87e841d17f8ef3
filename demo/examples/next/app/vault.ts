/** The one vault of this application: every tab of it shares the session. On the server nobody is signed in. */
import { createVault } from "tokenkeep/browser";
import { password } from "tokenkeep/providers/password";

const API = "https://api.example.com";

export const vault = createVault({
  provider: password({
    name: "example",
    origins: [API],
    tokenUrl: `${API}/login`,
    refreshUrl: `${API}/refresh`,
    revokeUrl: `${API}/logout`,
  }),
});

/** What the server renders with; taken before the vault can have looked. */
export const first = vault.snapshot();

/** Rejects with a `VaultError` where only a sign-in helps. */
export async function loadThings(signal?: AbortSignal): Promise<string[]> {
  const response = await vault.fetch(`${API}/things`, { signal });
  if (!response.ok) throw new Error(`The API answered ${response.status}.`);
  return (await response.json()) as string[];
}
