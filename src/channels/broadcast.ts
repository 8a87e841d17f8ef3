/**
 * Messages between the contexts of an origin, by BroadcastChannel.
 *
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
      const ends: BroadcastChannel[] = [];
      let channel: BroadcastChannel | undefined;
      let isConnected = false;

      function join(where: string): BroadcastChannel {
        const end = openQuietly(where);
        ends.push(end);
        return end;
      }

      /** Sends itself a message. Once it has arrived, the silence of other contexts means something. */
      function tryOut(where: string): void {
        const [from, to] = [join(where), join(where)];
        to.addEventListener("message", () => {
          isConnected = true;
          from.close();
          to.close();
        });
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- windows have one, channels do not
        from.postMessage(0);
      }

      try {
        channel = join(name);
        channel.addEventListener("message", (event) => onMessage(event.data));
        tryOut(`${name}:${randomId()}`);
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
          channel = undefined;
          // The trial's message may never have come.
          for (const end of ends) end.close();
        },
      };
    },
  };
}
