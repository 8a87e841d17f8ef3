/**
 * Sends a Worker's requests by the sender of the options to the provider's origins, and by the platform's `fetch` to
 * any other: a client certificate, or a private network, is not for foreign hosts (S1, S2).
 */
import { own } from "../guard/json.ts";
import { keepBody } from "../request/body.ts";
import type { Call } from "../request/contract.ts";
import { isRequest, NOTHING } from "../request/init.ts";
import type { Policy } from "../request/policy.ts";
import { AUTHORIZATION } from "../request/presentation.ts";
import { createFollow } from "../request/redirects.ts";
import type { Fetch, Provider } from "../types.ts";

const nowhere: Policy = Object.assign(() => undefined, { unlisted: () => undefined });
/** Follows without a token. */
const follow = createFollow(nowhere);
const noToken = { accessToken: "", sessionId: "", generation: 0 };

const originOf = (address: string): string | undefined =>
  URL.canParse(address) ? new URL(address).origin : undefined;

/** The origin of each request is looked at, and so is that of each hop of a redirect. */
export function senderTo({ origins }: Pick<Provider, "origins">, sender: Fetch): Fetch {
  const listed = new Set(origins.map(originOf));

  const send: Fetch = async (input, init) => {
    // A text is sent as it was judged, and of a request the address that the platform sends (S1).
    const to = isRequest(input) ? input : String(input);
    const href: string = isRequest(to) ? Reflect.get(Request.prototype, "url", to) : to;
    if (!listed.has(originOf(href))) return fetch(to, init);
    // So the vault sends what has a token, and each hop.
    if (init?.redirect === "manual") return sender(to, init);
    const request = new Request(to, init);
    if (request.redirect !== "follow") return sender(request);
    // A binding that follows by itself would follow to anywhere.
    const redirect = "manual" as const;
    const call: Call = {
      input: request,
      href,
      method: request.method,
      headers: request.headers,
      body: keepBody(undefined, request),
      redirect,
      given: NOTHING,
      send,
      presentation: { header: AUTHORIZATION, show: () => "" },
      signal: request.signal,
      waitUntil: undefined,
      follow,
    };
    return (await follow(call, await sender(request, own({ redirect })), noToken)).response;
  };
  return send;
}
