/**
 * Directus, as its documentation says: directus.io/docs/guides/auth/email-login and docs.directus.io/reference/authentication
 * (`mode: "json"`, `expires` in milliseconds, a new refresh token with each refresh, logout by the refresh
 * token), and directus.io/docs/guides/connect/errors (the codes and their statuses).
 */
import { json } from "../replies.ts";
import { ada, type Dialect, fieldsOf } from "./framework.ts";

const errors = (status: number, code: string, message: string): Response =>
  json(status, { errors: [{ message, extensions: { code } }] });

/** Without `mode: "json"` the refresh token would travel in a cookie. */
const isJson = (fields: Readonly<Record<string, unknown>>): boolean => fields["mode"] === "json";

export const directus: Dialect = {
  life: 900_000,
  rotation: "strict",
  login: "POST /auth/login",
  refresh: "POST /auth/refresh",
  logout: "POST /auth/logout",
  logoutBy: "refresh",
  credentials: { email: ada.email, password: ada.password },
  claims: () => ({ id: "bd2f", role: "editor", app_access: true, iss: "directus" }),
  names(call) {
    const fields = fieldsOf(call);
    return isJson(fields)
      ? { name: fields["email"], password: fields["password"] }
      : errors(400, "INVALID_PAYLOAD", 'Invalid payload. "mode" is none of this test server.');
  },
  granted: ({ accessToken, refreshToken, life }) =>
    json(200, { data: { expires: life, refresh_token: refreshToken, access_token: accessToken } }),
  wrongPassword: () => errors(401, "INVALID_CREDENTIALS", "Invalid user credentials."),
  refreshToken(call) {
    const fields = fieldsOf(call);
    return isJson(fields) ? fields["refresh_token"] : undefined;
  },
  spent: () => errors(401, "INVALID_CREDENTIALS", "Invalid user credentials."),
  loggedOut: () => new Response(null, { status: 204 }),
  unauthorized: (isMissing) =>
    isMissing
      ? errors(403, "FORBIDDEN", "You don't have permission to access this.")
      : errors(401, "TOKEN_EXPIRED", "Token expired."),
  throttled: () => errors(429, "REQUESTS_EXCEEDED", "Too many requests, retry after 35s."),
  down: () => errors(503, "SERVICE_UNAVAILABLE", 'Service "api" is unavailable. Under pressure.'),
};
