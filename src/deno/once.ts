/** Deno sends some requests twice; a refresh token that is spent must not be among them. */
import type { Fetch, Provider } from "../types.ts";

/**
 * Deno 2.9 sends a request again by itself when the connection dies without a reply, except one whose
 * body is a stream. A refresh token that is spent by its use must not arrive twice (P2).
 */
export function sentOnce<Credentials>(provider: Provider<Credentials>): Provider<Credentials> {
  if (provider?.renewal?.rotation !== "strict") return provider;
  const renew: Provider["renew"] = (grant, exchange) =>
    provider.renew!(grant, { ...exchange, fetch: asStream(exchange.fetch) });
  return new Proxy(Object.create(provider) as typeof provider, {
    get(_, name) {
      if (name === "renew") return provider.renew && renew;
      // Its own methods know it by `this`, and find their private fields.
      const member: unknown = Reflect.get(provider, name, provider);
      return typeof member === "function" ? member.bind(provider) : member;
    },
  });
}

const asStream =
  (fetch_: Fetch): Fetch =>
  (input, init) => {
    const { body, headers } = new Response(init?.body);
    if (!init || !body) return fetch_(input, init);
    new Headers(init.headers).forEach((value, name) => headers.set(name, value));
    // As it comes it would be taken for what it was made from.
    const stream = body.pipeThrough(new TransformStream());
    const once = { ...init, body: stream, headers, duplex: "half" };
    return fetch_(input, once as RequestInit);
  };
