/** The popup, the extension's page and its service worker each make this vault: they share one session. */
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

export async function loadThings(): Promise<string[]> {
  const response = await vault.fetch(`${API}/things`);
  if (!response.ok) throw new Error(`The API answered ${response.status}.`);
  return (await response.json()) as string[];
}
