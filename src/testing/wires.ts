/** How a fake API is put in the place of the network: by MSW, and by Playwright. Neither is imported. */
import type { Fetch } from "../types.ts";
import { isNetworkError } from "./faults.ts";

/** The part of MSW's `http` that is used. */
export interface MswHttp<Handler> {
  all(path: string, resolver: (call: { readonly request: Request }) => Promise<Response>): Handler;
}

/** The part of Playwright's `Route` that is used. */
export interface RouteLike {
  request(): {
    url(): string;
    method(): string;
    headers(): Record<string, string>;
    postData(): string | null;
  };
  fulfill(reply: {
    readonly status: number;
    readonly headers: Record<string, string>;
    readonly body: string;
  }): Promise<void>;
  abort(): Promise<void>;
}

export const mswHandlers = <Handler>(
  http: MswHttp<Handler>,
  origins: readonly string[],
  fetch: Fetch,
): Handler[] =>
  origins.map((origin) =>
    http.all(`${origin}/*`, async ({ request }) => {
      try {
        return await fetch(request);
      } catch (error) {
        // For MSW an error is a fault of the handler's; a network error is said by `Response.error()`.
        if (isNetworkError(error) || request.signal.aborted) return Response.error();
        throw error;
      }
    }),
  );

export async function playwrightRoute(route: RouteLike, fetch: Fetch): Promise<void> {
  const call = route.request();
  const body = call.postData();
  const init = { method: call.method(), headers: call.headers(), ...(body !== null && { body }) };
  let response: Response;
  try {
    response = await fetch(call.url(), init);
  } catch (error) {
    await route.abort();
    if (isNetworkError(error)) return undefined;
    throw error;
  }
  const { status, headers } = response;
  return route.fulfill({
    status,
    headers: Object.fromEntries(headers),
    body: await response.text(),
  });
}
