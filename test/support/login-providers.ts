/** The providers of docs/logins.md for any address: the page's programs name a host of their own. */
import type { Provider } from "../../src/index.ts";
import { bearer, password, type PasswordOptions } from "../../src/providers/password.ts";
import { APIKEY } from "../apis/frameworks/supabase.ts";
import type { FrameworkName } from "../apis/frameworks/index.ts";

type Login = Omit<PasswordOptions<Record<string, string>>, "name" | "origins">;

const byAccess: Login["revoke"] = ({ accessToken }) => ({ headers: bearer(accessToken) });

const deletion: Login["revoke"] = ({ accessToken }) => ({
  method: "DELETE",
  headers: bearer(accessToken),
});

const logins: Readonly<Record<FrameworkName, (base: string) => Login>> = {
  django: (base) => ({
    tokenUrl: `${base}/api/token/`,
    refreshUrl: `${base}/api/token/refresh/`,
    revokeUrl: `${base}/api/token/blacklist/`,
    refresh: ({ refreshToken }) => ({ body: { refresh: refreshToken } }),
    revoke: ({ refreshToken }) => ({ body: { refresh: refreshToken } }),
    read: ({ access, refresh }) => ({ accessToken: access, refreshToken: refresh }),
  }),
  sanctum: (base) => ({
    tokenUrl: `${base}/sanctum/token`,
    revokeUrl: `${base}/sanctum/token`,
    revoke: deletion,
    // As a form: Laravel takes both.
    write: (credentials) => new URLSearchParams(credentials),
    read: (_, { text }) => ({ accessToken: /^\d+\|\w+$/.exec(text)?.[0] }),
    isRefusal: ({ status, body }) => status === 422 && body?.["errors"] !== undefined,
  }),
  spring: (base) => ({
    tokenUrl: `${base}/api/auth/signin`,
    refreshUrl: `${base}/api/auth/refreshtoken`,
    revokeUrl: `${base}/api/auth/signout`,
    refresh: ({ refreshToken }) => ({ body: { refreshToken } }),
    revoke: byAccess,
    read: ({ accessToken, refreshToken, username, roles }) => ({
      accessToken,
      refreshToken,
      profile: username ? { username, roles } : undefined,
    }),
    isRefusal: ({ status, body }) => body?.["statusCode"] === 403 || (status === 401 && !!body),
  }),
  supabase: (base) => ({
    tokenUrl: `${base}/auth/v1/token?grant_type=password`,
    refreshUrl: `${base}/auth/v1/token?grant_type=refresh_token`,
    revokeUrl: `${base}/auth/v1/logout?scope=local`,
    headers: { apikey: APIKEY },
    revoke: byAccess,
    read: ({ access_token, refresh_token, expires_at, user }) => ({
      accessToken: access_token,
      refreshToken: refresh_token,
      expiresAt: Number(expires_at) * 1_000,
      profile: user,
    }),
    isRefusal: ({ status, body }) => status === 400 && body !== undefined,
  }),
  devise: (base) => ({
    tokenUrl: `${base}/users/sign_in`,
    revokeUrl: `${base}/users/sign_out`,
    write: (user) => ({ user }),
    revoke: deletion,
    read: (body, { headers }) => ({
      accessToken: headers.get("authorization")?.replace("Bearer ", ""),
      profile: body,
    }),
  }),
  wordpress: (base) => ({
    tokenUrl: `${base}/wp-json/jwt-auth/v1/token`,
    read: ({ token, user_display_name, user_email }) => ({
      accessToken: token,
      profile: { user_display_name, user_email },
    }),
    isRefusal: ({ status, body }) =>
      status === 403 && /^(\[jwt_auth\]|jwt_auth_failed)/.test(String(body?.["code"])),
  }),
  strapi: (base) => ({
    tokenUrl: `${base}/api/auth/local`,
    read: ({ jwt, user }) => ({ accessToken: jwt, profile: user }),
  }),
  directus: (base) => ({
    tokenUrl: `${base}/auth/login`,
    refreshUrl: `${base}/auth/refresh`,
    revokeUrl: `${base}/auth/logout`,
    write: (credentials) => ({ ...credentials, mode: "json" }),
    refresh: ({ refreshToken }) => ({ body: { refresh_token: refreshToken, mode: "json" } }),
    revoke: ({ refreshToken }) => ({ body: { refresh_token: refreshToken, mode: "json" } }),
    read: ({ data: { access_token, refresh_token, expires } }: any) => ({
      accessToken: access_token,
      refreshToken: refresh_token,
      expiresIn: expires / 1_000,
    }),
  }),
};

export const loginOf = (name: FrameworkName, base: string): Provider<Record<string, string>> =>
  password({ name, origins: [base], ...logins[name](base) });
