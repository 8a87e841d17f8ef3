/**
 * Strapi's Users & Permissions, as its documentation says: docs.strapi.io/cms/features/users-permissions/rest-api,
 * "Login" (`identifier`, `jwt` and `user`, 400 for a wrong password, rate limited). By default there is no
 * refresh. The form of its errors is docs.strapi.io/cms/error-handling.
 */
import { json } from "../replies.ts";
import { ada, type Dialect, fieldsOf } from "./framework.ts";

const problem = (status: number, name: string, message: string): Response =>
  json(status, { data: null, error: { status, name, message, details: {} } });

export const strapi: Dialect = {
  life: 30 * 86_400_000,
  login: "POST /api/auth/local",
  credentials: { identifier: ada.email, password: ada.password },
  claims: ({ id }) => ({ id }),
  names(call) {
    const { identifier, password } = fieldsOf(call);
    return { name: identifier, password };
  },
  granted: ({ accessToken, user: { id, username, email } }) =>
    json(200, {
      jwt: accessToken,
      user: { id, documentId: "x74d", username, email, provider: "local", confirmed: true },
    }),
  wrongPassword: () => problem(400, "ValidationError", "Invalid identifier or password"),
  unauthorized: (isMissing) =>
    isMissing
      ? problem(403, "ForbiddenError", "Forbidden")
      : problem(401, "UnauthorizedError", "Missing or invalid credentials"),
  throttled: () => problem(429, "RateLimitError", "Too many requests, please try again later."),
};
