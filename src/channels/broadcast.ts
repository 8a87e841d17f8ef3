/**
 * Messages between the contexts of an origin, by BroadcastChannel.
 *
 * @module
 */
import type { Channel } from "../types.ts";

/**
 * Tells other contexts which generation there is, and never a token. Where BroadcastChannel is missing or
 * refused, nothing is sent and nothing comes: messages only save time.
 *
 * @example
 * ```ts
 * import { broadcastChannel } from "tokenkeep/channels/broadcast";
 *
 * const port = broadcastChannel().open("name", (message) => console.log(message));
 * port.post({ type: "changed", sessionId: "s", generation: 2 });
 * port.close();
 * ```
 */
export function broadcastChannel(): Channel {
  return {
    open(name, onMessage) {
      let channel: (BroadcastChannel & { unref?(): void }) | undefined;
      try {
        channel = new BroadcastChannel(name);
        channel.addEventListener("message", (event) => onMessage(event.data));
        // In Node an open channel would keep the process alive.
        channel.unref?.();
      } catch {
        // Messages are advisory.
      }
      return {
        post({ type, sessionId, generation }) {
          // oxlint-disable-next-line unicorn/require-post-message-target-origin -- windows have one, channels do not
          channel?.postMessage({ type, sessionId, generation });
        },
        close() {
          channel?.close();
          channel = undefined;
        },
      };
    },
  };
}
