/**
 * What people write by hand: the token in a variable, its expiry checked, `init` and `headers` spread,
 * one more try after a 401. It checks no address and no case of `authorization`, keeps no body of a
 * `Request` but by its copy, and shares no refresh.
 */
import type { Contender, Fetch } from "./contender.ts";
import { VMS } from "./other-side.ts";

interface Tokens {
  token: string;
  expires_at: string;
  refresh_token: string;
}

export const wrapper: Contender = {
  title: "a wrapper written by hand",
  async over(fetch_, baseURL = new URL(VMS).origin) {
    let token = "";
    let expiresAt = 0;
    async function renew(): Promise<void> {
      const response = await fetch_(`${baseURL}/api/v1/auth/token`, { method: "POST" });
      const tokens = (await response.json()) as Tokens;
      ({ token } = tokens);
      expiresAt = Date.parse(tokens.expires_at);
    }
    await renew();

    const send: Fetch = (input, init) => {
      if (typeof input === "string")
        return fetch_(input, {
          ...init,
          headers: { ...init?.headers, authorization: `Bearer ${token}` },
        });
      const headers = new Headers(init?.headers ?? input.headers);
      headers.set("authorization", `Bearer ${token}`);
      return fetch_(input, { ...init, headers });
    };

    return async (input, init) => {
      if (Date.now() >= expiresAt) await renew();
      const spare = typeof input === "object" && input.body ? input.clone() : input;
      const response = await send(input, init);
      if (response.status !== 401) return response;
      await renew();
      return send(spare, init);
    };
  },
};
