/**
 * Checks a Worker's set-up. Each message says what is wrong, and which line to add to which file.
 */
import { because } from "../errors.ts";
import { says } from "../guard/json.ts";
import { isSecure } from "../guard/secure.ts";
import { presentationOf } from "../request/presentation.ts";
import type { KvNamespace } from "../stores/cloudflare-kv.ts";
import type { Fetch, Provider } from "../types.ts";

export type Providers = Readonly<Record<string, Provider<never>>>;

/** A binding that sends requests: mTLS, VPC, another Worker. */
export interface Sender {
  fetch(input: never, init?: never): Promise<unknown>;
}

const CACHE = "TOKEN_CACHE";

/** Throws `invalid_option` with what is wrong, and what to do. */
export function demand(isRight: unknown, ...wrong: Wrong): asserts isRight {
  if (!isRight) throw because("invalid_option", ...wrong);
}

export type Wrong = readonly [why: string, advice: string];

export const providersOf = (
  given: Providers | ((env: never) => Providers),
  env: object,
): Providers => (typeof given === "function" ? given(env as never) : given);

export function checkProviders(providers: Providers): void {
  for (const [name, provider] of Object.entries(providers)) {
    demand(
      provider?.origins?.length,
      `the provider "${name}" has no origins`,
      "Pass what its preset gives, such as vmcloud()",
    );
    presentationOf(provider);
  }
}

export function unknownProvider(name: unknown, providers: object): Wrong {
  const known = `defineTokenVault has ${Object.keys(providers).join(", ") || "none"}`;
  return typeof name === "string"
    ? [`the provider "${name}" is unknown`, `Add it to the providers: ${known}`]
    : ["provider is no name", `Take one of the providers: ${known}`];
}

const isLoopback = (url: URL): boolean => url.protocol === "http:" && isSecure(url, true);

/** Plain http is for development. Both sides have to allow it: the message says which one does not. */
export function checkLoopback(
  { name, origins }: Pick<Provider, "name" | "origins">,
  isAllowed: boolean | undefined,
  side: "createVault" | "defineTokenVault",
): void {
  const isPlain = origins.some((origin) => URL.canParse(origin) && isLoopback(new URL(origin)));
  demand(
    isAllowed || !isPlain,
    `the provider ${name} has an origin with plain http`,
    `In development add dangerouslyAllowLoopbackHttp: true to ${side}. createVault and defineTokenVault both need it`,
  );
}

/** A member of `env`, and none that a script has put on `Object.prototype` (S15). */
export const bindingOf = <Bound>(env: object, name: string): Bound | undefined =>
  says(env, name) ? (env as Record<string, Bound | undefined>)[name] : undefined;

/** The KV binding; a missing one is an error only where it was named. */
export function kvOf(named: string | undefined, env: object): KvNamespace | undefined {
  const name = named ?? CACHE;
  const kv = bindingOf<KvNamespace>(env, name);
  demand(
    kv?.getWithMetadata || (!kv && named === undefined),
    `${name} is no KV binding`,
    `In wrangler.jsonc add { "binding": "${name}" } to "kv_namespaces"`,
  );
  return kv;
}

/** The sender: a function like `fetch`, or a binding's method, which needs its `this`. */
export function senderOf(
  find: ((env: never) => Sender | Fetch) | undefined,
  env: object,
): Fetch | undefined {
  const found = find?.(env as never);
  if (found === undefined || typeof found === "function") return found;
  demand(
    found && says(found, "fetch") && typeof found.fetch === "function",
    "fetch of defineTokenVault gives no binding with a fetch, and no function",
    "Give one: fetch: (env) => env.MTLS",
  );
  return (input, init) => found.fetch(input as never, init as never) as Promise<Response>;
}

/** The part of a Durable Object binding that is used. */
export interface Namespace {
  idFromName(name: string): unknown;
  get(id: unknown, options?: object): unknown;
  jurisdiction(name: string): Namespace;
}

export function namespaceOf(binding: string, env: object): Namespace {
  const bound = bindingOf<Namespace>(env, binding);
  demand(
    bound?.idFromName,
    `${binding} is no Durable Object binding`,
    `In wrangler.jsonc add { "name": "${binding}", "class_name": "TokenVault" } to "durable_objects": { "bindings": [] }, and { "tag": "v1", "new_sqlite_classes": ["TokenVault"] } to "migrations"`,
  );
  return bound;
}

/**
 * The part of a namespace that stays in a jurisdiction. The whole namespace never takes its place, because
 * a session would lie where it must not.
 */
export function inJurisdiction(namespace: Namespace, binding: string, name: string): Namespace {
  try {
    return namespace.jurisdiction(name);
  } catch {
    throw because(
      "invalid_option",
      `${binding} has no jurisdiction ${name}. Cloudflare has "eu", "us" and more, a development server has none`,
      "Set it by a variable that production alone has, jurisdiction: env.JURISDICTION",
    );
  }
}
