/** `vault.fetch` over a source that says what a test wants, and an API that answers in turn. */
import { createFetch } from "../../../src/request/fetch.ts";
import type { FetchOptions, VaultFetch } from "../../../src/request/contract.ts";
import { createPolicy } from "../../../src/request/policy.ts";
import { presentationOf } from "../../../src/request/presentation.ts";
import type { AccessToken, TokenName, TokenNeed, TokenSource } from "../../../src/types.ts";

export const ORIGIN = "https://api.acme.test";
export const VMS: string = `${ORIGIN}/v1/vms`;

export const token = (generation: number, more: Partial<AccessToken> = {}): AccessToken => ({
  accessToken: `token-${generation}`,
  sessionId: "session-a",
  generation,
  ...more,
});

export interface Staged {
  readonly fetch: VaultFetch;
  readonly sent: {
    readonly input: unknown;
    readonly init: RequestInit;
    readonly token: string | null;
  }[];
  /** What `getToken` was asked for. */
  readonly needs: TokenNeed[];
  readonly passed: [endpoint: string, token: TokenName][];
  readonly bare: string[];
  readonly retried: number[];
}

export interface StageOptions extends Partial<Omit<FetchOptions, "source">> {
  /** In turn; the last one for all that follow. */
  readonly replies?: readonly (() => Response | Promise<Response>)[];
  readonly getToken?: (need: TokenNeed) => AccessToken | Promise<AccessToken>;
  readonly ready?: () => AccessToken | undefined;
}

export const status = (code: number) => (): Response => new Response(null, { status: code });

export function stage(options: StageOptions = {}): Staged {
  const { replies = [status(200)], getToken = () => token(1), ready, ...more } = options;
  const sent: Staged["sent"] = [];
  const needs: TokenNeed[] = [];
  const passed: Staged["passed"] = [];
  const bare: string[] = [];
  const retried: number[] = [];
  const source: TokenSource = {
    getToken(need = {}) {
      needs.push(need);
      return getToken(need);
    },
    passed: (endpoint, name) => void passed.push([endpoint, name]),
    ...(ready && { ready }),
  };
  const fetch = createFetch({
    policy: createPolicy({ origins: [ORIGIN] }),
    source,
    presentation: presentationOf({}),
    async fetch(input, init = {}) {
      const headers = new Headers(init.headers ?? (input as Partial<Request>).headers);
      sent.push({ input, init, token: headers.get("authorization") });
      return replies[Math.min(sent.length, replies.length) - 1]!();
    },
    onRetry: ({ generation }) => void retried.push(generation),
    onBare: (origin) => void bare.push(origin),
    running: () => 0,
    ...more,
  });
  return { fetch, sent, needs, passed, bare, retried };
}

export const tokens = ({ sent }: Staged): (string | null)[] => sent.map((one) => one.token);
