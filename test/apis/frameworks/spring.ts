/**
 * Spring Security with JWTs, as the guide that most projects follow has it: bezkoder.com, "Spring Boot Refresh
 * Token with JWT example" (/spring-boot-refresh-token-jwt/), and the project that goes with it. Its refresh tokens
 * are not rotated; a refused one is told by 403, with the token in the message. Spring itself throttles nobody:
 * assumed is Spring Cloud Gateway's 429 without a body.
 */
import { json } from "../replies.ts";
import { ada, type Dialect, fieldsOf } from "./framework.ts";

const unauthorized = (message: string, path: string): Response =>
  json(401, { path, error: "Unauthorized", message, status: 401 });

export const spring: Dialect = {
  life: 3_600_000,
  rotation: "none",
  login: "POST /api/auth/signin",
  refresh: "POST /api/auth/refreshtoken",
  logout: "POST /api/auth/signout",
  logoutBy: "access",
  credentials: { username: ada.username, password: ada.password },
  claims: ({ username }) => ({ sub: username }),
  names(call) {
    const { username, password } = fieldsOf(call);
    return { name: username, password };
  },
  granted: ({ accessToken, refreshToken, user: { id, username, email } }) =>
    json(200, {
      refreshToken,
      id,
      username,
      email,
      roles: ["ROLE_USER"],
      tokenType: "Bearer",
      accessToken,
    }),
  refreshed: ({ accessToken, refreshToken }) =>
    json(200, { accessToken, refreshToken, tokenType: "Bearer" }),
  wrongPassword: () => unauthorized("Bad credentials", "/api/auth/signin"),
  refreshToken: (call) => fieldsOf(call)["refreshToken"],
  spent: (token) =>
    json(403, {
      statusCode: 403,
      timestamp: "2026-11-28T12:00:00.000+00:00",
      message: `Failed for [${token}]: Refresh token is not in database!`,
      description: "uri=/api/auth/refreshtoken",
    }),
  loggedOut: () => json(200, { message: "Log out successful!" }),
  unauthorized: () =>
    unauthorized("Full authentication is required to access this resource", "/api/test/user"),
  throttled: () => new Response(null, { status: 429 }),
};
