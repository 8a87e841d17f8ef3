import { createVault } from "tokenkeep/browser";
import { simplismart } from "tokenkeep/providers/simplismart";

// A page may have its user's own token, and nobody else's:
const vault = createVault({ provider: simplismart({ dangerouslyAllowInBrowser: true }) });

// Once, with what your form asks for:
export const signIn = (token: string) => vault.signIn({ token });

// From then on, in every tab, and after each reload:
export const listModels = () =>
  vault.fetch("https://api.app.simplismart.ai/deployments/list/model/");
