/** What a page of another origin needs to see a fake API's replies. */

/** Open to every origin; a preflight's wishes are granted. */
export function corsHeaders({ headers }: Request): [string, string][] {
  const origin = headers.get("origin");
  const wanted = headers.get("access-control-request-headers");
  return [
    ["access-control-allow-origin", origin ?? "*"],
    ["access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE"],
    ["access-control-allow-headers", wanted ?? "*"],
    ["access-control-expose-headers", "Date, Retry-After, WWW-Authenticate"],
    ...(origin === null
      ? []
      : [["access-control-allow-credentials", "true"] satisfies [string, string]]),
  ];
}
