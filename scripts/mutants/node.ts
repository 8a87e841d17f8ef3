/** Mutants of what Node and Bun share a folder by: see `mutant.ts`. */
import type { Callers } from "../../src/node/callers.ts";
import { type Mutant, over, type Wrap, wrapper } from "./mutant.ts";
import { NODE_LOCK, NODE_PLACE, NODE_VAULT, CONTRACTS } from "./tests.ts";

const ofCallers = wrapper<typeof import("../../src/node/callers.ts")>("src/node/callers.ts");
const ofKeys = wrapper<typeof import("../../src/node/key-file.ts")>("src/node/key-file.ts");
const ofLock = wrapper<typeof import("../../src/node/lock.ts")>("src/node/lock.ts");
const ofPlace = wrapper<typeof import("../../src/node/place.ts")>("src/node/place.ts");
const ofSqlite = wrapper<typeof import("../../src/stores/sqlite.ts")>("src/stores/sqlite.ts");

const calling = (change: (callers: Callers) => Partial<Callers>): Wrap =>
  ofCallers("createCallers", (original) => () => {
    const callers = original();
    return over(callers, change(callers));
  });

export const node: readonly Mutant[] = [
  {
    name: "a refresh begins though no call holds the process open",
    law: "P5",
    ...calling(() => ({ isHeldOpen: () => true })),
    test: NODE_VAULT,
    title: "alone begins nothing",
  },
  {
    name: "a call leaves before the refresh that it began is stored",
    law: "P5, F22",
    ...calling(() => ({ holding: (vault) => vault, isHeldOpen: () => true })),
    test: NODE_VAULT,
    title: "makes one call stay until the refresh is stored",
  },
  {
    name: "a folder on a network file system is taken",
    law: "P2",
    ...ofPlace("networkOf", () => () => undefined),
    test: NODE_VAULT,
    title: "is refused where tokens rotate",
  },
  {
    name: "a file that others can read is taken",
    law: "S8",
    ...ofPlace("checkFile", (original) => (builtins, path) => {
      const { geteuid: _, ...process } = builtins.process;
      return original({ ...builtins, process }, path);
    }),
    test: NODE_VAULT,
    title: "after chmod the session is there",
  },
  {
    name: "each process makes a key of its own",
    law: "F28",
    ...ofKeys("keyFrom", (original) => (builtins, folder) => {
      const { files } = builtins;
      const linkSync = (from: string, to: string): void => {
        try {
          files.linkSync(from, to);
        } catch {
          files.unlinkSync(to);
          files.linkSync(from, to);
        }
      };
      return original({ ...builtins, files: { ...files, linkSync } }, folder);
    }),
    test: NODE_PLACE,
    title: "of another process that came first is read, not replaced",
  },
  {
    name: "a lock is had by all who ask",
    law: "P1",
    ...ofLock("processLock", (original) => (builtins, options) => {
      const lock = original(builtins, options);
      return over(lock, { run: async (_name, task) => task() });
    }),
    test: NODE_LOCK,
    title: "exclude each other",
  },
  {
    name: "a dead attempt's lock is never seen to be free",
    law: "F57",
    ...ofLock(
      "processLock",
      (original) => (builtins, options) =>
        over(original(builtins, options), { isFree: async () => false }),
    ),
    test: NODE_LOCK,
    title: "is seen by others until it is let go",
  },
  {
    name: "a SQLite store writes whatever is expected",
    law: "P3, law 1",
    ...ofSqlite("sqliteStore", (original) => (db, options) => {
      const store = original(db, options);
      return over(store, {
        write: async (key, next) => store.write(key, next, await store.head(key)),
      });
    }),
    test: CONTRACTS,
    title: "a write against a stale revision changes nothing",
  },
];
