/** No secret over plain http (S3): origins are held to it, and so is what a mechanism asks. */
import { check } from "../errors.ts";

const LOOPBACK = /^((.+\.)?localhost|127(\.\d+){3}|\[::1\])$/;

/** https, or plain http to this very machine where that is allowed. */
export const isSecure = ({ protocol, hostname }: URL, allowLoopbackHttp?: boolean): boolean =>
  protocol === "https:" || (!!allowLoopbackHttp && protocol === "http:" && LOOPBACK.test(hostname));

/** The way to a token endpoint: `fetch_`, for secure URLs only. */
export const secureFetch =
  (fetch_: typeof fetch, allowLoopbackHttp?: boolean): typeof fetch =>
  (input, init) => {
    check(
      isSecure(new URL((input as Request).url ?? input), allowLoopbackHttp),
      "provider, whose token endpoint must be https",
    );
    return fetch_(input, init);
  };
