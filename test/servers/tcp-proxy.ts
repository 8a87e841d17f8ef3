/**
 * A TCP proxy in front of a server: sees what goes in, holds a write back although its sender dies, cuts
 * connections off, and leads elsewhere after a failover.
 */
import { connect, createServer, type Socket } from "node:net";
import { deferred } from "../apis/gates.ts";

/** A write that stands before the server. */
export interface Held {
  /** Resolves when one is held. */
  readonly arrived: Promise<void>;
  /** Lets it through, and the rest of its connection. */
  release(): void;
}

export interface Door {
  readonly port: number;
  /** The server's address, through the door. */
  readonly url: string;
  /** Holds the first connection back on which this comes, from there on. */
  hold(pattern: RegExp): Held;
  /** Holds everything back, on connections to come too: the server is silent. Call the result to let it in. */
  mute(): () => void;
  /** The connections that there are carry nothing any more, and nobody is told: the line is dead. New ones are good. */
  freeze(): void;
  /** Resolves when this goes in from now on. */
  seen(pattern: RegExp): Promise<void>;
  /** Lets this in, and cuts its connection off when the server answers: the answer is lost. */
  cutAfter(pattern: RegExp): Promise<void>;
  /** Resolves when somebody is refused from now on, because nobody listens behind the door. */
  refused(): Promise<void>;
  /** Leads to another port, and ends what led to the last one. */
  lead(port: number): void;
  close(): Promise<void>;
}

/** A head in the clear that has an intent: somebody is about to spend. */
export const INTENT = /"attemptId":"/;
/** A head that has none: a sign-in, or a refresh that has come to its end. */
export const COMMIT = /\{"format":1,"sessionId":"[^"]*","revision":\d+\}/;

export async function openDoor(server: {
  readonly port: number;
  readonly url: string;
}): Promise<Door> {
  let target = server.port;
  const sockets = new Set<Socket>();
  const watching = new Set<(text: string, from: Socket) => Promise<void> | undefined>();
  /** Connections whose next answer is lost, and who is to be told. */
  const doomed = new Map<Socket, () => void>();
  const waiting = new Set<() => void>();
  /** Connections that carry nothing any more. */
  const frozen = new WeakSet<Socket>();

  let muted: Promise<void> | undefined;

  async function pass(text: string, from: Socket): Promise<void> {
    await muted;
    for (const look of watching) await look(text, from);
  }

  function keep(socket: Socket): void {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  }

  const proxy = createServer((from) => {
    keep(from);
    const to = connect(target, "127.0.0.1");
    keep(to);
    // One after the other, so that what follows a held write stays behind it; its sender may be gone.
    let last = Promise.resolve();
    from.on("data", (chunk) => {
      if (frozen.has(from)) return;
      last = last
        .then(() => pass(chunk.toString("latin1"), from))
        .then(() => void (frozen.has(from) || to.write(chunk)));
    });
    from.once("close", () => void last.then(() => to.end()));
    to.on("data", (chunk) => {
      if (frozen.has(to)) return;
      const tell = doomed.get(from);
      if (!tell) return void from.write(chunk);
      doomed.delete(from);
      from.destroy();
      tell();
    });
    to.once("close", () => from.destroy());
    to.once("error", () => {
      for (const tell of waiting) tell();
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const address = proxy.address();
  const port = typeof address === "object" && address ? address.port : 0;

  return {
    port,
    url: server.url.replace(`:${server.port}`, `:${port}`),
    hold(pattern) {
      const arrived = deferred<void>();
      const released = deferred<void>();
      const look = (text: string): Promise<void> | undefined => {
        if (!pattern.test(text)) return undefined;
        watching.delete(look);
        arrived.resolve();
        return released.promise;
      };
      watching.add(look);
      return { arrived: arrived.promise, release: () => released.resolve() };
    },
    mute() {
      const { promise, resolve } = deferred<void>();
      muted = promise;
      return () => {
        muted = undefined;
        resolve();
      };
    },
    freeze() {
      for (const socket of sockets) frozen.add(socket);
    },
    seen(pattern) {
      const { promise, resolve } = deferred<void>();
      const look = (text: string): undefined => {
        if (!pattern.test(text)) return;
        watching.delete(look);
        resolve();
      };
      watching.add(look);
      return promise;
    },
    cutAfter(pattern) {
      const { promise, resolve } = deferred<void>();
      const look = (text: string, from: Socket): undefined => {
        if (!pattern.test(text)) return;
        watching.delete(look);
        doomed.set(from, resolve);
      };
      watching.add(look);
      return promise;
    },
    refused() {
      const { promise, resolve } = deferred<void>();
      const tell = (): void => {
        waiting.delete(tell);
        resolve();
      };
      waiting.add(tell);
      return promise;
    },
    lead(next) {
      target = next;
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
