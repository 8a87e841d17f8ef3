/** No secret goes over plain http (S3), neither to an API nor to a token endpoint. */
import { check, VaultError } from "../errors.ts";
import type { Fetch } from "../types.ts";

const LOOPBACK = /^((.+\.)?localhost|127(\.\d+){3}|\[::1\])$/;

/** Whether a URL is https, or plain http to this very machine where an option allows that. */
export const isSecure = ({ protocol, hostname }: URL, allowLoopbackHttp?: boolean): boolean =>
  protocol === "https:" || (!!allowLoopbackHttp && protocol === "http:" && LOOPBACK.test(hostname));

/** A token endpoint's address. It must be absolute: a page's address is no base for where secrets go. */
function parseEndpoint(address: string | URL): URL {
  try {
    return new URL(address);
  } catch {
    throw new VaultError("invalid_option", undefined, { reason: "no_absolute_url" });
  }
}

/** A text has no `url`, whatever a polluted prototype says (S15). */
const addressIn = (input: string | URL | Request): string | URL =>
  typeof input === "string" || input instanceof URL ? input : input?.url;

/** The way to a token endpoint: `fetch_`, for secure URLs only. */
export const secureFetch =
  (fetch_: Fetch, allowLoopbackHttp?: boolean): Fetch =>
  (input, init) => {
    check(
      isSecure(parseEndpoint(addressIn(input)), allowLoopbackHttp),
      "a provider whose token endpoint is https",
    );
    return fetch_(input, init);
  };
