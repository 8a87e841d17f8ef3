import { createVault } from "tokenkeep/browser";
import { clary } from "tokenkeep/providers/clary";

// A page may have its user's own key, and nobody else's:
const vault = createVault({ provider: clary({ dangerouslyAllowInBrowser: true }) });

// Once, with what your form asks for:
export const signIn = (token: string) => vault.signIn({ token });

// From then on, in every tab, and after each reload:
export const listDocuments = () => vault.fetch("https://api.claryai.com/v1/documents");
