/**
 * WordPress with Tmeister's "JWT Authentication for WP REST API", as its page says:
 * wordpress.org/plugins/jwt-authentication-for-wp-rest-api (seven days, no refresh and no logout, 403 where
 * others say 401, `jwt_auth_invalid_token`). The code of a wrong password is that of its source: `[jwt_auth]`
 * and WordPress' own code. Assumed: the host's 429 in HTML.
 */
import { html, json } from "../replies.ts";
import { ada, type Dialect, fieldsOf } from "./framework.ts";

const forbidden = (code: string, message: string): Response =>
  json(403, { code, message, data: { status: 403 } });

export const wordpress: Dialect = {
  life: 7 * 86_400_000,
  login: "POST /wp-json/jwt-auth/v1/token",
  credentials: { username: ada.username, password: ada.password },
  claims: ({ id }) => ({ iss: "https://acme.example", data: { user: { id: String(id) } } }),
  names(call) {
    const { username, password } = fieldsOf(call);
    return { name: username, password };
  },
  granted: ({ accessToken, user: { email, username } }) =>
    json(200, {
      token: accessToken,
      user_email: email,
      user_nicename: username,
      user_display_name: "Ada",
    }),
  wrongPassword: () =>
    forbidden(
      "[jwt_auth] incorrect_password",
      "<strong>Error:</strong> The password you entered is incorrect.",
    ),
  unauthorized: (isMissing) =>
    isMissing
      ? json(401, {
          code: "rest_not_logged_in",
          message: "You are not currently logged in.",
          data: { status: 401 },
        })
      : forbidden("jwt_auth_invalid_token", "Expired token"),
  throttled: () => html(429, "429 Too Many Requests"),
};
