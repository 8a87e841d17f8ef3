/**
 * What a request tells of where it came from, at each hop of a redirect (F91). Fetch keeps what it has
 * told at the hop before, and a redirect's reply may narrow it or widen it again:
 * https://w3c.github.io/webappsec-referrer-policy/.
 */
import type { SentInit } from "./contract.ts";

const POLICIES = [
  "no-referrer",
  "no-referrer-when-downgrade",
  "same-origin",
  "origin",
  "strict-origin",
  "origin-when-cross-origin",
  "strict-origin-when-cross-origin",
  "unsafe-url",
] as const;

type ReferrerPolicy = (typeof POLICIES)[number];

/** The last policy of the reply's that is one, or the one before: §8.1 and §11. */
export function policyAfter(
  { headers }: Response,
  before: SentInit["referrerPolicy"],
): SentInit["referrerPolicy"] {
  const given = (headers.get("referrer-policy") ?? "")
    .split(",")
    .map((one) => one.trim().toLowerCase());
  return POLICIES.findLast((one) => one === given.findLast(isPolicy)) ?? before;
}

const isPolicy = (name: string): name is ReferrerPolicy => POLICIES.some((one) => one === name);

/** What is told of `referrer` to whom the request goes: §8.3. `""` for nothing. */
export function referrerTo(
  to: URL,
  referrer: string | undefined,
  policy: SentInit["referrerPolicy"],
): string | undefined {
  // Nothing is told, or the runtime's own: Node, Deno, Bun and workerd have none.
  if (!referrer || !/^https?:/i.test(referrer)) return referrer;
  const from = new URL(referrer);
  const isSame = from.origin === to.origin;
  const isDowngrade = from.protocol === "https:" && to.protocol !== "https:";
  const whole = Object.assign(from, { hash: "", username: "", password: "" }).href;
  const told: Readonly<Record<ReferrerPolicy, string>> = {
    "no-referrer": "",
    "no-referrer-when-downgrade": isDowngrade ? "" : whole,
    "same-origin": isSame ? whole : "",
    origin: from.origin + "/",
    "strict-origin": isDowngrade ? "" : from.origin + "/",
    "origin-when-cross-origin": isSame ? whole : from.origin + "/",
    "strict-origin-when-cross-origin": isSame ? whole : isDowngrade ? "" : from.origin + "/",
    "unsafe-url": whole,
  };
  return told[policy || "strict-origin-when-cross-origin"];
}
