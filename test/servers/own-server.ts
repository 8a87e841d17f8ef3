/** A server of this machine on a free port of loopback, in a folder of its own: ended by its pid. */
import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { inject } from "vitest";
import { freePort } from "../support/free-port.ts";

export interface Server {
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  /** Sends a signal; resolves when the process is gone, if the signal ends it. */
  kill(signal?: "SIGKILL" | "SIGINT"): Promise<void>;
  pause(): void;
  resume(): void;
  /** Resolves when it has ended by itself. */
  ended(): Promise<void>;
  /** Starts it again on the same port and folder, with other settings besides. */
  start(settings?: readonly string[]): Promise<void>;
  /** Ends it and removes its folder. */
  close(): Promise<void>;
}

/** Which servers this machine can start: those of the environment are not ours to end. */
export function theServers(): { readonly redis: boolean; readonly postgres: boolean } {
  const { redis, postgres } = inject("servers");
  return { redis: redis.program !== undefined, postgres: postgres.program !== undefined };
}

/** What the tests of this file have started. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Whether somebody takes connections there. */
const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });

interface Kind {
  readonly program: string;
  readonly args: readonly string[];
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
}

/** On Linux a server ends with the tests, though they are killed. */
function bound(): readonly string[] {
  return existsSync("/usr/bin/setpriv") ? ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--"] : [];
}

/** What the log of each says when it takes connections; a Sentinel, whom it looks after. */
const READY = /ready to accept (read-only )?connections|\+monitor master/i;

async function serve(
  kind: Kind,
  at: { port: number; url: string; folder: string },
): Promise<Server> {
  let child: ChildProcess | undefined;
  let ended: Promise<void> = Promise.resolve();

  async function start(settings: readonly string[] = []): Promise<void> {
    for (let tries = 0; ; tries++) {
      const log = await launch(settings);
      if (log === undefined) return;
      // The processes of a killed server need a moment to notice.
      if (tries === 40) throw new Error(`${kind.program} does not start: ${log}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** `undefined` when it takes connections; its log if it ends before. */
  async function launch(settings: readonly string[]): Promise<string | undefined> {
    const [program = "", ...args] = [...bound(), kind.program, ...kind.args, ...settings];
    const process = spawn(program, args, {
      ...kind.user,
      cwd: at.folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    child = process;
    running.add(process);
    let log = "";
    let isOver = false;
    ended = new Promise((resolve) =>
      process.once("exit", () => {
        isOver = true;
        running.delete(process);
        resolve();
      }),
    );
    const said = new Promise<void>((resolve) => {
      const hear = (chunk: Buffer): void => {
        log = (log + String(chunk)).slice(-4000);
        if (READY.test(log)) resolve();
      };
      process.stdout.on("data", hear);
      process.stderr.on("data", hear);
    });
    await Promise.race([said, ended]);
    if (!isOver && (await answers(at.port))) return undefined;
    process.kill("SIGKILL");
    await ended;
    return log;
  }

  await start();
  return {
    ...at,
    start,
    async kill(signal = "SIGKILL") {
      child?.kill("SIGCONT");
      child?.kill(signal);
      await ended;
    },
    ended: () => ended,
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
    async close() {
      child?.kill("SIGCONT");
      child?.kill("SIGKILL");
      await ended;
      rmSync(at.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

const freshFolder = (): string => mkdtempSync(path.join(os.tmpdir(), "tokenkeep-server-"));

/** Redis with the settings that the store wants, and others besides: `"--maxmemory", "2mb"`. */
export async function startRedis(
  settings: readonly string[] = [],
  folder: string = freshFolder(),
): Promise<Server> {
  const { program } = inject("servers").redis;
  if (!program) throw new Error("There is no redis-server");
  const port = await freePort();
  const args = [
    ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""],
    ...["--appendonly", "yes", "--appendfsync", "always", ...settings],
  ];
  const kind = { program, args };
  return serve(kind, { port, folder, url: `redis://127.0.0.1:${port}` });
}

/** A Sentinel that alone decides when this primary, called `main`, has to be replaced. */
export async function startSentinel(primary: Server): Promise<Server> {
  const { program } = inject("servers").redis;
  if (!program) throw new Error("There is no redis-server");
  const [port, folder] = [await freePort(), freshFolder()];
  const settings = [
    ...[`port ${port}`, "bind 127.0.0.1", `dir ${folder}`],
    `sentinel monitor main 127.0.0.1 ${primary.port} 1`,
    "sentinel down-after-milliseconds main 500",
  ];
  const file = path.join(folder, "sentinel.conf");
  writeFileSync(file, settings.join("\n"));
  const kind = { program, args: [file, "--sentinel"] };
  return serve(kind, { port, folder, url: `redis://127.0.0.1:${port}` });
}

/** Postgres with its own settings, and others besides: `"-c", "fsync=off"`. */
export async function startPostgres(
  settings: readonly string[] = [],
  folder: string = freshFolder(),
): Promise<Server> {
  const { program, template, user } = inject("servers").postgres;
  if (!program || !template) throw new Error("There is no postgres");
  if (user) chownSync(folder, user.uid, user.gid);
  const data = path.join(folder, "data");
  mkdirSync(data, { recursive: true, mode: 0o700 });
  if (user) chownSync(data, user.uid, user.gid);
  copy(template, data, user);
  const port = await freePort();
  const args = [
    ...["-D", data, "-p", String(port), "-k", "", "-h", "127.0.0.1"],
    ...["-c", "shared_buffers=16MB", "-c", "max_connections=150"],
    // Started again after a crash, it syncs each file of the folder by itself otherwise: seconds on a slow disk.
    ...["-c", "recovery_init_sync_method=syncfs", ...settings],
  ];
  const kind = { program, args, user };
  const url = `postgres://tokenkeep@127.0.0.1:${port}/postgres`;
  return serve(kind, { port, folder, url });
}

function copy(from: string, to: string, user?: { uid: number; gid: number }): void {
  cpSync(from, to, {
    recursive: true,
    filter: (source, target) => {
      if (user) queued.push(target);
      return !source.endsWith("postmaster.pid");
    },
  });
  for (const file of queued.splice(0)) if (user) chownSync(file, user.uid, user.gid);
}

/** Files whose owner is still to be set. */
const queued: string[] = [];
