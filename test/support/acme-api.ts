/** The API of the documentation's own examples: a login, a refresh, a mint, and things behind a token. */

export interface AcmeApi {
  readonly fetch: (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>;
  /** What was asked, in turn: method, path, and the `Authorization` or `X-API-Key`, or the body without one. */
  readonly seen: unknown[];
  /** Whether an `Authorization` is good. */
  accepts: (authorization: string) => boolean;
}

const granted: Readonly<Record<string, object>> = {
  "/login": { token: "one", refresh: "first", expires_in: 3600 },
  "/refresh": { token: "two", refresh: "second", expires_in: "3600" },
};

/** JSON as what it is, and a form as its text. */
const parsed = (body: string): unknown => (body.startsWith("{") ? JSON.parse(body) : body);

export function createAcmeApi(accepts: AcmeApi["accepts"]): AcmeApi {
  const api: AcmeApi = {
    accepts,
    seen: [],
    async fetch(input, init) {
      const request = new Request(input, init);
      const { headers } = request;
      const authorization = headers.get("authorization") ?? headers.get("x-api-key");
      const body = await request.text();
      const { pathname } = new URL(request.url);
      api.seen.push([request.method, pathname, authorization ?? parsed(body)]);
      if (pathname === "/token")
        return Response.json({ access_token: `minted-${api.seen.length}`, expires_in: 3600 });
      if (pathname in granted) return Response.json(granted[pathname]);
      return api.accepts(authorization ?? "")
        ? Response.json({ fine: true })
        : Response.json({ error: "expired" }, { status: 401 });
    },
  };
  return api;
}
