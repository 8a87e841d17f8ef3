/**
 * Laravel Sanctum's API tokens, as its documentation says: laravel.com/docs/sanctum, "Mobile Application
 * Authentication" (the route that answers with the token as plain text, and its wrong password as a validation
 * error) and "Revoking Tokens". Nothing refreshes such a token. Assumed: that a `DELETE` of the same route ends
 * it, because the page leaves that route to the application; the alphabet of a token, of which the page shows
 * none, is that of `Str::random`.
 */
import { json } from "../replies.ts";
import { ada, type Dialect, fieldsOf } from "./framework.ts";

const WRONG = "The provided credentials are incorrect.";

const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

const random = (length: number): string =>
  Array.from(
    crypto.getRandomValues(new Uint8Array(length)),
    (byte) => alphabet[byte % alphabet.length],
  ).join("");

const invalid = (message: string, errors: object): Response => json(422, { message, errors });

export const sanctum: Dialect = {
  // "Years", says the page; a day is enough for a test.
  life: 86_400_000,
  login: "POST /sanctum/token",
  logout: "DELETE /sanctum/token",
  logoutBy: "access",
  credentials: { email: ada.email, password: ada.password, device_name: "Ada's phone" },
  opaque: (index) => `${index}|${random(48)}`,
  names(call) {
    const { email, password, device_name } = fieldsOf(call);
    const required = ["The device name field is required."];
    return device_name
      ? { name: email, password }
      : invalid(required[0]!, { device_name: required });
  },
  granted: ({ accessToken }) =>
    new Response(accessToken, { headers: { "content-type": "text/html; charset=UTF-8" } }),
  wrongPassword: () => invalid(WRONG, { email: [WRONG] }),
  loggedOut: () => new Response(null, { status: 204 }),
  unauthorized: () => json(401, { message: "Unauthenticated." }),
  throttled: () => json(429, { message: "Too Many Attempts." }),
  down: () => json(503, { message: "Service Unavailable" }),
};
