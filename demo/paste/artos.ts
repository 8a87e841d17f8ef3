import { createVault } from "tokenkeep/browser";
import { artos } from "tokenkeep/providers/artos";

// A user id mints tokens, so it is a secret. A page may have its user's own, and nobody else's:
const vault = createVault({ provider: artos({ dangerouslyAllowInBrowser: true }) });

// Once, with what your form asks for:
export const signIn = (userId: string) => vault.signIn({ userId });

// From then on, in every tab, and after each reload:
export const listTemplates = () => vault.fetch("https://api.artosai.com/api/v1/templates/");
