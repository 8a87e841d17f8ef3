/**
 * The `Referer` of a request at each hop of a redirect (F91). Each hop begins with the referrer of the hop
 * before, and a redirect's reply may bring another policy:
 * https://w3c.github.io/webappsec-referrer-policy/.
 */
import { isSecure } from "../guard/secure.ts";
import type { Given, SentInit } from "./contract.ts";

type Policy = Exclude<SentInit["referrerPolicy"], "" | undefined>;

/** The referrer under each policy (§8.3); `""` where nothing is told. */
const toldBy = (from: URL, to: URL): Readonly<Record<Policy, string>> => {
  const origin = from.origin + "/";
  const whole = Object.assign(new URL(from), { hash: "", username: "", password: "" }).href;
  const isSame = from.origin === to.origin;
  // This very machine counts as secure here.
  const isDowngrade = isSecure(from, true) && !isSecure(to, true);
  return {
    "no-referrer": "",
    "no-referrer-when-downgrade": isDowngrade ? "" : whole,
    "same-origin": isSame ? whole : "",
    origin,
    "strict-origin": isDowngrade ? "" : origin,
    "origin-when-cross-origin": isSame ? whole : origin,
    "strict-origin-when-cross-origin": isSame ? whole : isDowngrade ? "" : origin,
    "unsafe-url": whole,
  };
};

/** Takes the referrer and its policy one hop further. */
export function hopReferrer(init: Given, response: Response, at: URL): void {
  const { referrer, referrerPolicy } = init;
  // No referrer, or the runtime's own, which Node, Deno, Bun and workerd do not have.
  if (!referrer || !/^https?:/i.test(referrer)) return;
  const told = toldBy(new URL(referrer), at);
  init.referrer = told[referrerPolicy || "strict-origin-when-cross-origin"];
  // The last name in the header that is a policy counts: §8.1 and §11.
  const names = (response.headers.get("referrer-policy") ?? "").toLowerCase().split(/[\s,]+/);
  const isPolicy = (name: string): name is Policy => Object.hasOwn(told, name);
  const next = names.findLast(isPolicy);
  if (next) init.referrerPolicy = next;
}
