/** Scripts that Redis runs in one step: sent by their hash, and in full where Redis does not know them yet. */
import { subtle } from "../../guard/crypto.ts";
import type { Send } from "./client.ts";
import { wordOf } from "./troubles.ts";

/** A script about one key. */
export interface Script {
  run(send: Send, key: string, values: readonly string[]): Promise<unknown>;
}

export function createScript(source: string): Script {
  let hash: string | undefined;

  /** SHA-1, because Redis names scripts by it. */
  async function hashOf(): Promise<string> {
    const bytes = await subtle().digest("SHA-1", new TextEncoder().encode(source));
    return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  return {
    async run(send, key, values) {
      hash ??= await hashOf();
      try {
        return await send(["EVALSHA", hash, "1", key, ...values]);
      } catch (error) {
        if (wordOf(error) !== "NOSCRIPT") throw error;
        return send(["EVAL", source, "1", key, ...values]);
      }
    },
  };
}
