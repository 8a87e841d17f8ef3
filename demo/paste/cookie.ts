import { createVault } from "tokenkeep/browser";
import { cookie } from "tokenkeep/providers/cookie";

const api = "https://api.acme.example"; // yours
const provider = cookie({
  name: "acme",
  origins: [api],
  loginUrl: `${api}/auth/login`,
  refreshUrl: `${api}/auth/refresh`,
  logoutUrl: `${api}/auth/logout`,
  read: (body) => ({ accessToken: body["access_token"], expiresIn: body["expires_in"] }),
});
const vault = createVault({ provider });

// Once, with what your form asks for:
export const signIn = (email: string, password: string) => vault.signIn({ email, password });

// From then on, in every tab, and after each reload:
export const me = () => vault.fetch(`${api}/me`);
