import { createVault } from "tokenkeep/browser";
import { beginSignIn, completeSignIn } from "tokenkeep/oauth";
import { oauth2 } from "tokenkeep/providers/oauth2";

const client = {
  issuer: "https://login.acme.example", // your server
  clientId: "acme-web",
  redirectUri: "/callback",
  scope: "openid offline_access",
};
const origins = ["https://api.acme.example"]; // your API
const vault = createVault({ provider: oauth2({ ...client, name: "acme", origins }) });

// At each load, before anything else:
export const outcome = await completeSignIn(client, vault);

// Once, where your page has a button for it:
export const logIn = () => beginSignIn(client);

// From then on, in every tab, and after each reload:
export const me = () => vault.fetch("https://api.acme.example/me");
