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

/** A message on its way: who says it, as how many-th, and what; without `said` it only asks to come back. */
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

/**
 * A channel over a relay. All its ports share one trial of each connection, so that a server's restart costs one
 * message, and not one for each account: make one channel for each relay.
 */
export function channelOver(relay: Relay): Channel {
  const ports = new Set<ChannelPort>();
  let trial: Trial | undefined;
  return {
    open(name, onMessage) {
      trial ??= openTrial(relay);
      const { isBack, leave } = trial;
      const { close, ...rest } = openPort(relay, { name, isTried: isBack, onMessage });
      const port: ChannelPort = {
        ...rest,
        close() {
          close();
          if (!ports.delete(port) || ports.size > 0) return;
          leave();
          trial = undefined;
        },
      };
      ports.add(port);
      return port;
    },
  };
}

/** Publishes under one name, and knows whether the server has still to take something. */
interface Sender {
  send(text: string): void;
  isSending(): boolean;
}

function senderTo(relay: Relay, name: string): Sender {
  let isSending = false;
  return {
    isSending: () => isSending,
    send(text) {
      isSending = true;
      const settled = (): void => {
        isSending = false;
      };
      relay.publish(name, text).then(settled, settled);
    },
  };
}

/** What each connection begins with. */
interface Trial {
  /** Whether this connection's has come back. One that was lost on its way is tried once more. */
  isBack(): boolean;
  leave(): void;
}

/** The server hands a message back to its sender: where the first has come back, messages arrive. */
function openTrial(relay: Relay): Trial {
  const name = `trial|${randomId()}`;
  const sender = senderTo(relay, name);
  /** What is to come back; absent while there is no connection. */
  let mark: string | undefined;
  let isBack = false;
  const leave = relay.join(name, {
    opened() {
      mark = randomId();
      isBack = false;
      sender.send(mark);
    },
    lost() {
      mark = undefined;
      isBack = false;
    },
    heard(text) {
      if (text === mark) isBack = true;
    },
  });
  return {
    leave,
    isBack() {
      if (mark !== undefined && !isBack && !sender.isSending()) sender.send(mark);
      return isBack;
    },
  };
}

/** One port of a channel. */
interface PortParts {
  readonly name: string;
  /** Whether the connection has delivered. */
  readonly isTried: () => boolean;
  readonly onMessage: (message: unknown) => void;
}

/** As long as a port's own last message has come back, silence after a question means something (step 8). */
function openPort(relay: Relay, { name, isTried, onMessage }: PortParts): ChannelPort {
  const from = randomId();
  const sender = senderTo(relay, name);
  let sent = 0;
  let heard = 0;
  let isOpen = false;

  function send(said?: object): void {
    sent += 1;
    sender.send(JSON.stringify({ from, count: sent, said }));
  }

  const leave = relay.join(name, {
    opened() {
      isOpen = true;
      // What was said before is the last connection's: this one has its trial.
      heard = sent;
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
      if (!isOpen || !isTried()) return false;
      // What was lost on its way, while the connection stood, is tried once more.
      if (heard < sent && !sender.isSending()) send();
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
