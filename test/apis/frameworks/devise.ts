/**
 * Rails with Devise and devise-jwt, as its README says: github.com/waiting-for-dev/devise-jwt, "Model configuration"
 * (the token comes in the `Authorization` header of the sign-in's reply, which CORS must expose, and a sign-out
 * revokes it). There is no refresh: "a token expired with devise-jwt will mandatorily have an expiration
 * time". The words of a wrong password are Devise's, `config/locales/en.yml`. Assumed: Rack::Attack's 429.
 */
import { json } from "../replies.ts";
import { ada, type Dialect, fieldsOf } from "./framework.ts";

const error = (text: string): Response => json(401, { error: text });

export const devise: Dialect = {
  life: 3_600_000,
  login: "POST /users/sign_in",
  logout: "DELETE /users/sign_out",
  logoutBy: "access",
  credentials: { email: ada.email, password: ada.password },
  claims: ({ id }) => ({ sub: String(id), scp: "user" }),
  names(call) {
    const user = fieldsOf(call)["user"] as Record<string, unknown> | undefined;
    return { name: user?.["email"], password: user?.["password"] };
  },
  granted: ({ accessToken, user: { id, email } }) =>
    json(201, { id, email }, { authorization: `Bearer ${accessToken}` }),
  wrongPassword: () => error("Invalid Email or password."),
  loggedOut: () => new Response(null, { status: 204 }),
  unauthorized: (isMissing) =>
    error(isMissing ? "You need to sign in or sign up before continuing." : "revoked token"),
  throttled: () => new Response("Retry later\n", { status: 429 }),
};
