/** An application behind Hono: visitors sign in here, and no browser ever has a token. */
import { type Context, Hono } from "hono";
import { deleteCookie, getSignedCookie, setSignedCookie } from "hono/cookie";
import { createVault, defineTokenVault, isVaultError } from "tokenkeep/cloudflare";
import { password } from "tokenkeep/providers/password";

const API = "https://api.example.com";

export const TokenVault = defineTokenVault({
  providers: {
    example: password({
      name: "example",
      origins: [API],
      tokenUrl: `${API}/login`,
      refreshUrl: `${API}/refresh`,
      revokeUrl: `${API}/logout`,
    }),
  },
});

interface Bindings {
  readonly COOKIE_SECRET: string;
}
type Visit = Context<{ Bindings: Bindings }>;

const app = new Hono<{ Bindings: Bindings }>();
const COOKIE = "visitor";

const vaultOf = ({ env, executionCtx }: Visit, account: string) =>
  createVault({ provider: "example", account, env, ctx: executionCtx });

/** Whose request it is: only this Worker can have signed the cookie. */
const visitorOf = async (c: Visit): Promise<string | undefined> =>
  (await getSignedCookie(c, c.env.COOKIE_SECRET, COOKIE)) || undefined;

app.post("/login", async (c) => {
  const { email, password } = await c.req.json<{ email: string; password: string }>();
  // An account of its own for each sign-in: nobody gets the session of somebody who signed in before.
  const account = crypto.randomUUID();
  await vaultOf(c, account).signIn({ email, password });
  const options = { path: "/", httpOnly: true, secure: true, sameSite: "Lax" } as const;
  await setSignedCookie(c, COOKIE, account, c.env.COOKIE_SECRET, options);
  return c.json({ signedIn: true });
});

app.get("/things", async (c) => {
  const account = await visitorOf(c);
  if (account === undefined) return c.json({ error: "Sign in first: POST /login" }, 401);
  return vaultOf(c, account).fetch(`${API}/things`);
});

app.post("/logout", async (c) => {
  const account = await visitorOf(c);
  if (account !== undefined) await vaultOf(c, account).removeAccount();
  deleteCookie(c, COOKIE, { path: "/", secure: true });
  return c.json({ signedIn: false });
});

/** 401 where only a sign-in helps, 503 where another try does. */
app.onError((error, c) => {
  if (!isVaultError(error)) return c.json({ error: "This request cannot be answered" }, 500);
  const isOver = ["no_session", "sign_in_required", "credentials_refused"].includes(error.code);
  return c.json({ error: error.message }, isOver ? 401 : 503);
});

export default app;
