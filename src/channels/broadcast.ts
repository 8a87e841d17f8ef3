/**
 * Messages between the contexts of an origin, by BroadcastChannel.
 *
 * @see https://html.spec.whatwg.org/multipage/web-messaging.html#broadcasting-to-other-browsing-contexts *
 * @see https://html.spec.whatwg.org/multipage/web-messaging.html#broadcasting-to-other-browsing-contexts
 * @module
 */
import { randomId } from "../guard/random.ts";
import type { Channel } from "../types.ts";

/** In Node an open channel would keep the process alive. */
function openQuietly(name: string): BroadcastChannel {
  const channel: BroadcastChannel & { unref?(): void } = new BroadcastChannel(name);
  channel.unref?.();
  return channel;
}

/** Sends a message to itself, on a channel with a random name: then the others' silence means something. */
function tryOut(name: string, onArrival: () => void): void {
  const [from, to] = [openQuietly(name), openQuietly(name)];
  to.addEventListener("message", () => {
    onArrival();
    from.close();
    to.close();
  });
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- windows have one, channels do not
  from.postMessage(0);
}

/**
 * Tells other contexts which generation there is, and never a token. Where BroadcastChannel is missing or
 * refused, nothing is sent and nothing arrives, because messages only save time: no call throws.
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
      let channel: BroadcastChannel | undefined;
      let isConnected = false;
      try {
        channel = openQuietly(name);
        channel.addEventListener("message", (event) => onMessage(event.data));
        tryOut(`${name}:${randomId()}`, () => {
          isConnected = true;
        });
      } catch {
        // Messages are advisory.
      }
      return {
        isConnected: () => isConnected && channel !== undefined,
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
