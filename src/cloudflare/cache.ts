/** Sealed access tokens in KV, for readers far from the object: a cache, and never more (F32). */
import { because } from "../errors.ts";
import { own } from "../guard/json.ts";
import {
  type CloudflareKvOptions,
  cloudflareKvStore,
  type KvNamespace,
} from "../stores/cloudflare-kv.ts";
import { encrypted, type Keyring } from "../stores/encrypted.ts";
import type { StoredRecord, TokenStore } from "../types.ts";
import { type TokenReply, toLease } from "./wire.ts";

/** How long a cached token is served after the object has vouched for it. */
export const CACHED = 300_000;
/** KV forgets nothing sooner. */
export const LEAST = 60_000;
/** How often a note is put where KV shows another entry than a moment ago. */
const TRIES = 3;

export interface TokenCache {
  /**
   * KV's entry for the object with this id, which may be late; `undefined` where there is none, or none
   * that opens. An id belongs to one class of one Worker, so that classes which share the namespace never
   * meet (F93).
   */
  read(id: string, now: number): Promise<TokenReply | undefined>;
  /** Puts a lease, or the note that the session has ended. Rejects where KV did not take it. */
  write(id: string, answer: TokenReply): Promise<void>;
}

export function createCache(
  kv: KvNamespace,
  ring: () => Keyring,
  options?: CloudflareKvOptions,
): TokenCache {
  const { expiresIn = CACHED } = own({ ...options });
  const inner = cloudflareKvStore(kv, own({ ...options, expiresIn }));
  const open = (): TokenStore => encrypted(inner, ring());
  const nameOf = (id: string): string => "cache:" + id;
  return {
    async read(id, now) {
      try {
        const record = await open().read(nameOf(id));
        if (!record) return undefined;
        const { revision, body, tombstone } = own(record);
        if (tombstone) return { revision };
        const lease = toLease(body);
        const { until = now } = own({ ...lease });
        return now < until ? { revision, lease } : undefined;
      } catch {
        // KV is out of reach, or its entry is of a newer format, or this isolate has not got the key yet.
        return undefined;
      }
    },
    async write(id, answer) {
      const { revision, lease } = own(answer);
      const store = open();
      const name = nameOf(id);
      const { sessionId = "ended", generation, until } = own({ ...lease });
      const head = { format: 1, sessionId, revision } as const;
      // All but the body becomes metadata, for people who list the entries. Readers believe the sealed body alone.
      const next: StoredRecord = lease
        ? own({ ...head, ...{ generation, until }, body: lease })
        : own({ ...head, tombstone: true });
      // Only the object writes here, so that the object may replace the entry that KV shows. In a moment KV may
      // show another entry.
      for (let tries = 0; tries < TRIES; tries++)
        if (await store.write(name, next, await store.head(name))) return;
      throw because("store_unavailable", "Workers KV shows another entry each time");
    },
  };
}
