import { createVault } from "tokenkeep/browser";
import { qovery } from "tokenkeep/providers/qovery";

// A page may have its user's own token, and nobody else's:
const vault = createVault({ provider: qovery({ dangerouslyAllowInBrowser: true }) });

// Once, with what your form asks for:
export const signIn = (token: string) => vault.signIn({ token });

// From then on, in every tab, and after each reload:
export const listOrganizations = () => vault.fetch("https://api.qovery.com/organization");
