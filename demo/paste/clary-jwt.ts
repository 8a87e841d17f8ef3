import { createVault } from "tokenkeep/browser";
import { claryJwt } from "tokenkeep/providers/clary-jwt";

// A page may have its user's own key, and nobody else's:
const vault = createVault({ provider: claryJwt({ dangerouslyAllowInBrowser: true }) });

// Once, with what your form asks for:
export const signIn = (subject: string, apiKey: string) =>
  vault.signIn({ subject, apiKey, tier: "standard" });

// From then on, in every tab, and after each reload:
export const listDocuments = () => vault.fetch("https://api.claryai.com/v1/documents");
