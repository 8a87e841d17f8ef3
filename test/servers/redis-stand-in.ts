/**
 * A stand-in for a Redis from 7.2 on, where Debian's is older: a TCP proxy in front of a real one. It says that it is
 * 7.2, and answers WAITAOF by itself; all else is the real one's.
 */
import { connect, createServer, type Socket } from "node:net";

export interface Younger {
  readonly url: string;
  /** What came in, in order: whose connection, and the command. `"own"` is one that the store has opened for itself. */
  readonly log: string[];
  /** What WAITAOF answers: how many disks have it. */
  local: number;
  /** Answers of WAITAOF wait for this. */
  held: Promise<void> | undefined;
  /** Connections of the store's own carry nothing any more, and those to come neither; the latter, until it is `false`. */
  isDead: boolean;
  /** All connections that there are by now are the application's. */
  settle(): void;
  close(): Promise<void>;
}

const VERSION = /redis_version:\d\.\d/g;
const REFUSED = /-ERR unknown command ['`]?WAITAOF[^\r]*\r\n/g;
const COMMANDS = /\b(WAITAOF|INFO|EVAL|EVALSHA|CONFIG)\r\n/g;

export async function openYounger(server: {
  readonly port: number;
  readonly url: string;
}): Promise<Younger> {
  const sockets = new Set<Socket>();
  const applications = new WeakSet<Socket>();
  const dead = new WeakSet<Socket>();
  let isDead = false;
  let all: readonly Socket[] = [];

  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  };

  const proxy = createServer((from) => {
    const to = connect(server.port, "127.0.0.1");
    keep(from);
    keep(to);
    all = [...all, from];
    if (isDead) dead.add(from);
    const isOpen = (): boolean => !dead.has(from);
    from.on("data", (chunk) => {
      if (!isOpen()) return;
      const whose = applications.has(from) ? "shared" : "own";
      for (const [, command] of chunk.toString("latin1").matchAll(COMMANDS))
        younger.log.push(`${whose} ${command}`);
      to.write(chunk);
    });
    // One after the other, so that what follows an answer that waits stays behind it.
    let last: Promise<void> = Promise.resolve();
    to.on("data", (chunk) => {
      const text = chunk.toString("latin1");
      const isAsked = text.search(REFUSED) >= 0;
      const answer = `*2\r\n:${younger.local}\r\n:0\r\n`;
      const told = text.replace(VERSION, "redis_version:7.2").replace(REFUSED, answer);
      last = last
        .then(() => (isAsked ? younger.held : undefined))
        .then(() => void (isOpen() && from.write(told, "latin1")));
    });
    from.once("close", () => to.destroy());
    to.once("close", () => from.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const address = proxy.address();
  const port = typeof address === "object" && address ? address.port : 0;

  const younger: Younger = {
    url: server.url.replace(`:${server.port}`, `:${port}`),
    log: [],
    local: 1,
    held: undefined,
    get isDead() {
      return isDead;
    },
    set isDead(value) {
      isDead = value;
      if (value) for (const socket of all) if (!applications.has(socket)) dead.add(socket);
    },
    settle() {
      for (const socket of all) applications.add(socket);
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
  return younger;
}
