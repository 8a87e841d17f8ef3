/**
 * A channel over a server that hands messages on: Redis' publish and subscribe, Postgres' notifications. What
 * comes from there is not trusted (S10), and no token goes there (F30).
 */
import type { Channel, ChannelPort } from "../types.ts";
import { isObject, parse } from "../guard/json.ts";
import { randomId } from "../guard/random.ts";

/** What a subscription has to say. */
export interface Hearer {
  /** From now on messages arrive; told after each reconnection too. */
  opened(): void;
  /** No message arrives any more. */
  lost(): void;
  heard(text: string): void;
}

/** A server that hands messages on, to their sender too. */
export interface Relay {
  /** Hears `name` until the function that it answers is called. */
  join(name: string, hearer: Hearer): () => void;
  /** Hands a text on; settles when the server has taken it, or has not. */
  publish(name: string, text: string): Promise<unknown>;
}

/** A message on its way: who says it, as how many-th, and what; without `said` it is a trial. */
interface Sent {
  readonly from: string;
  readonly count: number;
  readonly said?: unknown;
}

function narrow(text: string): Sent | undefined {
  try {
    const found = parse(text);
    if (!isObject(found)) return undefined;
    const { from, count, said } = found;
    return typeof from === "string" && typeof count === "number"
      ? { from, count, said }
      : undefined;
  } catch {
    return undefined;
  }
}

export const channelOver = (relay: Relay): Channel => ({
  open: (name, onMessage) => openPort(relay, name, onMessage),
});

/**
 * The server hands a port's own messages back to it: as long as the last one has come back, messages arrive. So
 * each connection begins with a trial, and silence after a question means something (step 8).
 */
function openPort(relay: Relay, name: string, onMessage: (message: unknown) => void): ChannelPort {
  const from = randomId();
  let sent = 0;
  let heard = 0;
  let isOpen = false;
  let isSending = false;

  function send(said?: object): void {
    sent += 1;
    isSending = true;
    const settled = (): void => {
      isSending = false;
    };
    relay.publish(name, JSON.stringify({ from, count: sent, said })).then(settled, settled);
  }

  const leave = relay.join(name, {
    opened() {
      isOpen = true;
      send();
    },
    lost() {
      isOpen = false;
    },
    heard(text) {
      const message = narrow(text);
      if (!message) return;
      if (message.from === from) heard = Math.max(heard, message.count);
      else if (message.said !== undefined) onMessage(message.said);
    },
  });

  return {
    isConnected() {
      if (!isOpen) return false;
      // What was lost on its way, while the connection stood, is tried once more.
      if (heard < sent && !isSending) send();
      return heard === sent;
    },
    post({ type, sessionId, generation }) {
      send({ type, sessionId, generation });
    },
    close() {
      isOpen = false;
      leave();
    },
  };
}
