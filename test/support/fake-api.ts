/**
 * An API without a network, and a provider for it: every call is seen, every reply can be replaced.
 * Unlike the test servers it needs no cryptography, so that nothing happens outside a manual clock.
 */
import {
  password,
  type PasswordOptions,
  type PasswordCredentials,
} from "../../src/providers/password.ts";
import type { Provider } from "../../src/types.ts";

export const ORIGIN = "https://api.acme.test";
export const credentials: PasswordCredentials = {
  email: "ada@acme.test",
  password: "hunter2-very-secret",
};

/** A call as it would have gone out. */
export interface SeenCall {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
  /** The very arguments of `fetch`. */
  readonly input: string | URL | Request;
  readonly init: RequestInit | undefined;
}

export type Answer = (call: SeenCall, ordinal: number) => Response | Promise<Response>;

export interface FakeApi {
  readonly fetch: typeof fetch;
  readonly calls: SeenCall[];
  /** Those calls whose path is this. */
  to(pathname: string): SeenCall[];
  /** What answers; replace them at will. */
  login: Answer;
  refresh: Answer;
  revoke: Answer;
  api: Answer;
  /** From now on the API answers today's token with 401. */
  expire(): void;
}

export const reply = (status: number, body: unknown, headers: HeadersInit = {}): Response =>
  Response.json(body, { status, headers });

/** A call that ends only when its signal does. */
export const never = ({ init, input }: SeenCall): Promise<Response> =>
  new Promise((_, reject) => {
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    const abort = (): void => reject(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort);
  });

export function fakeApi(): FakeApi {
  const calls: SeenCall[] = [];
  let issued = 0;
  let least = 1;

  const grant = (): Response => {
    issued += 1;
    return reply(200, {
      access_token: `access-${issued}-secret`,
      refresh_token: `refresh-${issued}-secret`,
      expires_in: 3600,
    });
  };

  const fake: FakeApi = {
    calls,
    to: (pathname) => calls.filter(({ url }) => new URL(url).pathname === pathname),
    login: grant,
    refresh: grant,
    revoke: () => reply(200, {}),
    api({ headers }) {
      const token = /^Bearer access-(\d+)-secret$/.exec(headers.get("authorization") ?? "");
      return Number(token?.[1]) >= least ? reply(200, { ok: true }) : reply(401, { error: "no" });
    },
    expire() {
      least = issued + 1;
    },
    async fetch(input, init) {
      // As fetch does: from here on nothing that the caller changes matters.
      const request = new Request(input, init);
      const { url, method, headers } = request;
      request.signal.throwIfAborted();
      const index = calls.push(undefined as never) - 1;
      const seen = (body: string): SeenCall => ({ url, method, headers, body, input, init });
      calls[index] = seen("");
      calls[index] = seen(await request.text());
      const { pathname, origin } = new URL(url);
      const kind = ({ "/login": "login", "/refresh": "refresh", "/revoke": "revoke" } as const)[
        pathname
      ];
      const answer = origin === ORIGIN && kind !== undefined ? fake[kind] : fake.api;
      return answer(calls[index], calls.length);
    },
  };
  return fake;
}

/** Keeps the replies to refreshes back until the answer is called. */
export function holdRefreshes(api: FakeApi): () => void {
  const { refresh } = api;
  let release!: () => void;
  const gate = new Promise<void>((resolve) => (release = resolve));
  api.refresh = async (...call) => {
    await gate;
    return refresh(...call);
  };
  return release;
}

/** A provider for the fake API. */
export function acme(
  options: Partial<PasswordOptions> & { partition?: readonly string[] | undefined } = {},
): Provider<PasswordCredentials> {
  const { partition, ...rest } = options;
  return {
    ...password({
      name: "acme",
      origins: [ORIGIN],
      tokenUrl: `${ORIGIN}/login`,
      refreshUrl: `${ORIGIN}/refresh`,
      revokeUrl: `${ORIGIN}/revoke`,
      read: ({ access_token, refresh_token, expires_in, scope }) => ({
        accessToken: access_token,
        refreshToken: refresh_token,
        expiresIn: expires_in,
        scope,
      }),
      ...rest,
    }),
    ...(partition && { partition }),
  };
}

const base64url = (value: unknown): string =>
  Buffer.from(JSON.stringify(value)).toString("base64url");

/** A JWT with these claims, signed by nobody. */
export const jwt = (claims: unknown): string =>
  `${base64url({ alg: "none" })}.${base64url(claims)}.c2lnbmF0dXJl`;
