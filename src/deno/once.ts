/** Deno sends some requests twice; a request that spends a refresh token must not be among them. */
import { own } from "../guard/json.ts";
import type { Fetch, Provider } from "../types.ts";

/**
 * Deno 2.9 sends a request again by itself when the connection dies without a reply, except one whose
 * body is a stream. A refresh token that is spent by its use must not arrive twice (P2).
 */
export function sentOnce<Credentials>(provider: Provider<Credentials>): Provider<Credentials> {
  if (provider?.renewal?.rotation !== "strict") return provider;
  const renewOnce = provider.renew && renewing(provider, provider.renew);
  return new Proxy<typeof provider>(Object.create(provider), {
    get(_, name) {
      if (name === "renew") return renewOnce;
      // Called on the provider itself, so that its methods find `this` and private fields.
      const member: unknown = Reflect.get(provider, name, provider);
      return typeof member === "function" ? member.bind(provider) : member;
    },
  });
}

type Renew = NonNullable<Provider["renew"]>;

const renewing =
  (provider: object, renew: Renew): Renew =>
  (grant, exchange) =>
    renew.call(provider, grant, { ...exchange, fetch: asStream(exchange.fetch) });

const asStream =
  (fetch_: Fetch): Fetch =>
  (input, init) => {
    const from = input instanceof Request ? input : undefined;
    const given = init?.body ?? from?.body;
    const { body, headers } = new Response(given);
    if (!body) return fetch_(input, init);
    // An init's headers take the place of the Request's.
    new Headers(init?.headers ?? from?.headers).forEach((value, name) => headers.set(name, value));
    // Piped, because Deno would find the original bytes in an unpiped stream, and repeat them.
    const stream = body.pipeThrough(new TransformStream());
    // The copy has no prototype, as the init of an exchange has none (S15).
    const once = own({ ...init, body: stream, headers, duplex: "half" });
    return fetch_(input, once);
  };
