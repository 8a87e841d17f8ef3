/** Kept by an isolate between requests: the classes that it has defined, and the parts of each `env`. */
import { own } from "../guard/json.ts";
import type { Policy } from "../request/policy.ts";
import type { Presentation } from "../request/presentation.ts";
import type { KvNamespace } from "../stores/cloudflare-kv.ts";
import type { Keyring } from "../stores/encrypted.ts";
import type { Fetch, Provider } from "../types.ts";
import type { TokenCache } from "./cache.ts";
import { readKeys } from "./keys.ts";
import { createMemory, type Memory } from "./memory.ts";
import type { CloudflareVaultOptions, SharedOptions, TokenVaultOptions } from "./options.ts";
import {
  checkProviders,
  demand,
  type Namespace,
  type Providers,
  providersOf,
  senderOf,
} from "./set-up.ts";

/** The parts of one `env` and one class, made once and used by every request. */
export interface Shared {
  readonly providers: Providers;
  /** Read at the first call, so that a malformed key is told then. */
  ring(): Keyring;
  readonly onEvent: SharedOptions<never>["onEvent"];
  readonly fetch: Fetch | undefined;
  readonly policies: Map<Provider, Policy>;
  readonly presentations: Map<Provider, Presentation>;
  readonly caches: Map<KvNamespace, TokenCache>;
}

/** The classes that this isolate has defined, so that `createVault` finds its provider by name. */
const defined: TokenVaultOptions[] = [];
/**
 * An isolate may see more than one `env`: the parts of one are never used for another. The parts live no longer than
 * their providers, which may have been made for one request.
 */
const made = new WeakMap<object, WeakMap<object, Shared>>();
/** By binding and jurisdiction: a copy of `env` has the same bindings. */
const memories = new WeakMap<object, Map<string, Memory>>();

export function define(options: TokenVaultOptions): void {
  defined.push(options);
}

/** A map's value, made where it is missing. */
export function once<Key extends object | string, Value>(
  map: { get(key: Key): Value | undefined; set(key: Key, value: Value): unknown },
  key: Key,
  make: () => Value,
): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const value = make();
  map.set(key, value);
  return value;
}

/** This isolate's memory of the objects of a namespace. */
export function memoryOf(namespace: Namespace, jurisdiction = ""): Memory {
  const own = once(memories, namespace, () => new Map<string, Memory>());
  return once(own, jurisdiction, createMemory);
}

/** The parts of the class that has such a provider. Of several such classes the last one counts, as after a reload. */
export function sharedOf(
  { provider: name, env, keys, providers }: CloudflareVaultOptions,
  { binding, hasCache }: { readonly binding: string; readonly hasCache: boolean },
): Shared {
  const known = once(made, env, () => new WeakMap<object, Shared>());
  if (providers) {
    const own = once(known, providers, () => share(env, providers, { keys }));
    if (hasCache) own.ring();
    return own;
  }
  // A class that names its binding is found by that name, and by no other (F102).
  const named = defined.filter((one) => one.binding === binding);
  const others = defined.filter((one) => one.binding === undefined);
  const shared = lastWith(name, [...others, ...named], (one) =>
    once(known, one, () => share(env, providersOf(one.providers, env), one)),
  );
  demand(
    shared,
    "there are no providers",
    "Call defineTokenVault in this Worker, or pass createVault its providers",
  );
  // Keys are read at once, so that a missing key is told at the start and not by the first call.
  shared.ring();
  return shared;
}

/** The parts of the last class that has the provider. No class before that one is asked for its providers. */
function lastWith(
  name: string,
  classes: TokenVaultOptions[],
  partsOf: (one: TokenVaultOptions) => Shared,
): Shared | undefined {
  let last: Shared | undefined;
  for (const one of classes.toReversed()) {
    const parts = partsOf(one);
    if (Object.hasOwn(parts.providers, name)) return parts;
    last ??= parts;
  }
  return last;
}

function share(
  env: object,
  providers: Providers,
  options: { [name in "fetch" | "keys" | "onEvent"]?: TokenVaultOptions[name] | undefined },
): Shared {
  checkProviders(providers);
  const { keys, onEvent, fetch: send } = own(options);
  let ring: Keyring | undefined;
  return {
    providers,
    onEvent,
    fetch: senderOf(send, env),
    ring() {
      ring ??= readKeys(keys, env);
      return ring;
    },
    policies: new Map(),
    presentations: new Map(),
    caches: new Map(),
  };
}
