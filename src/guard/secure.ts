/** No secret over plain http (S3): origins are held to it, and so is what a mechanism asks. */
import { check, VaultError } from "../errors.ts";
import type { Fetch } from "../types.ts";

const LOOPBACK = /^((.+\.)?localhost|127(\.\d+){3}|\[::1\])$/;

/** https, or plain http to this very machine where that is allowed. */
export const isSecure = ({ protocol, hostname }: URL, allowLoopbackHttp?: boolean): boolean =>
  protocol === "https:" || (!!allowLoopbackHttp && protocol === "http:" && LOOPBACK.test(hostname));

/** A token endpoint's address. A page's own address is no base for it: it must say where secrets go. */
function parseEndpoint(address: string | URL): URL {
  try {
    return new URL(address);
  } catch {
    throw new VaultError("invalid_option", undefined, { reason: "no_absolute_url" });
  }
}

/** A text has no `url`, whatever a polluted prototype says (S15). */
const addressIn = (input: string | URL | Request): string | URL =>
  typeof input === "string" || input instanceof URL ? input : input.url;

/** The way to a token endpoint: `fetch_`, for secure URLs only. */
export const secureFetch =
  (fetch_: Fetch, allowLoopbackHttp?: boolean): Fetch =>
  (input, init) => {
    check(
      isSecure(parseEndpoint(addressIn(input)), allowLoopbackHttp),
      "provider, whose token endpoint must be https",
    );
    return fetch_(input, init);
  };
