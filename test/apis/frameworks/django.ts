/**
 * Django REST framework with Simple JWT, as its documentation says: django-rest-framework-simplejwt.readthedocs.io,
 * "Getting started" (routes, `access` and `refresh`), "Settings" (five minutes; rotation and blacklist are
 * off by default) and "Blacklist app" (the route that ends a refresh token). The words of its errors are
 * its source's: `rest_framework_simplejwt/exceptions.py`; those of throttling are `rest_framework/exceptions.py`.
 */
import { json } from "../replies.ts";
import { ada, type Dialect, fieldsOf } from "./framework.ts";

const detail = (status: number, text: string, more: object = {}): Response =>
  json(status, { detail: text, ...more });

export const django: Dialect = {
  life: 300_000,
  rotation: "strict",
  login: "POST /api/token/",
  refresh: "POST /api/token/refresh/",
  logout: "POST /api/token/blacklist/",
  logoutBy: "refresh",
  credentials: { username: ada.username, password: ada.password },
  claims: ({ id }) => ({ token_type: "access", user_id: String(id) }),
  names(call) {
    const { username, password } = fieldsOf(call);
    const required = ["This field is required."];
    return username && password ? { name: username, password } : json(400, { username: required });
  },
  granted: ({ accessToken, refreshToken }) =>
    json(200, { refresh: refreshToken, access: accessToken }),
  wrongPassword: () => detail(401, "No active account found with the given credentials"),
  refreshToken: (call) => fieldsOf(call)["refresh"],
  spent: () => detail(401, "Token is blacklisted", { code: "token_not_valid" }),
  loggedOut: () => json(200, {}),
  unauthorized(isMissing) {
    const messages = [
      { token_class: "AccessToken", token_type: "access", message: "Token is invalid" },
    ];
    const reply = isMissing
      ? detail(401, "Authentication credentials were not provided.")
      : detail(401, "Given token not valid for any token type", {
          code: "token_not_valid",
          messages,
        });
    reply.headers.set("www-authenticate", 'Bearer realm="api"');
    return reply;
  },
  throttled: (seconds) =>
    detail(429, `Request was throttled. Expected available in ${seconds} seconds.`),
};
