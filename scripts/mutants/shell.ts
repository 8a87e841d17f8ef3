/** Mutants of what reads, writes, waits and sends: see `mutant.ts`. */
import type { Keeper } from "../../src/refresh/keeper.ts";
import type { RecordHead } from "../../src/types.ts";
import { type Mutant, over, type Wrap, wrapper } from "./mutant.ts";
import {
  ACCOUNTS,
  CALLERS,
  CLOSING,
  CONTRACTS,
  FAULTY_TRANSITIONS,
  FENCE,
  KEEPER,
  LATE,
  SLEPT_THROUGH,
  PATIENCE,
  SLOW,
} from "./tests.ts";

const ofAttempt = wrapper<typeof import("../../src/refresh/attempt.ts")>("src/refresh/attempt.ts");
const ofCallers = wrapper<typeof import("../../src/refresh/callers.ts")>("src/refresh/callers.ts");
const ofExchange =
  wrapper<typeof import("../../src/refresh/exchange.ts")>("src/refresh/exchange.ts");
const ofKeeper = wrapper<typeof import("../../src/refresh/keeper.ts")>("src/refresh/keeper.ts");
const ofRevoking =
  wrapper<typeof import("../../src/refresh/revoking.ts")>("src/refresh/revoking.ts");
const ofMemory = wrapper<typeof import("../../src/stores/memory.ts")>("src/stores/memory.ts");
const ofPass = wrapper<typeof import("../../src/refresh/pass.ts")>("src/refresh/pass.ts");
const ofTiming = wrapper<typeof import("../../src/refresh/timing.ts")>("src/refresh/timing.ts");
const ofLimit = wrapper<typeof import("../../src/guard/limit.ts")>("src/guard/limit.ts");
const ofWriter = wrapper<typeof import("../../src/refresh/writer.ts")>("src/refresh/writer.ts");

type Change<T> = (original: T) => Partial<T>;

const keeping = (change: Change<Keeper>): Wrap =>
  ofKeeper("createKeeper", (original) => (...args) => {
    const keeper = original(...args);
    return over(keeper, change(keeper));
  });

/** Where an attempt, a pass or a caller does not hear that its vault was closed. */
const open = { isClosed: () => false };

const nothing = async (): Promise<void> => {};

export const shell: readonly Mutant[] = [
  {
    name: "a store writes whatever is expected",
    law: "P3, law 1",
    ...ofMemory("memoryStore", (original) => () => {
      const store = original();
      return over(store, {
        write: async (key, next) => store.write(key, next, await store.head(key)),
      });
    }),
    test: CONTRACTS,
    title: "a write against a stale revision changes nothing",
  },
  {
    name: "a lost compare-and-set is taken for a won one",
    law: "P2, P3, law 1",
    ...keeping((keeper) => ({
      async write(...args) {
        await keeper.write(...args);
        return true;
      },
    })),
    test: KEEPER,
    title: "a change that another context's write has overtaken",
  },
  {
    name: "a read that was overtaken by an own write counts",
    law: "law 2, P3",
    ...ofKeeper("createKeeper", (original) => (...args) => {
      const each = (): Keeper => original(...args);
      return {
        read: () => each().read(),
        head: () => each().head(),
        write: (...change) => each().write(...change),
        scope: () => each().scope(),
      };
    }),
    test: KEEPER,
    title: "asks for one operation of the store at a time",
  },
  {
    name: "a store may take any time",
    law: "P10, F59",
    ...ofTiming("STORE", () => 1e9),
    test: SLOW,
    title: "a store that hangs fails a sign-out in time",
  },
  {
    name: "the fence is not looked at again after a freeze",
    law: "P8",
    ...keeping((keeper) => ({
      head: async () => ({ ...(await keeper.head()), isFresh: true }),
    })),
    test: FENCE,
    title: "is asked for again by a context that slept",
  },
  {
    name: "an answer that came while this context slept is as fresh as any",
    law: "P8",
    ...ofKeeper("askStore", (original) => async (...args) => ({
      ...(await original(...args)),
      isFresh: true,
    })),
    test: SLEPT_THROUGH,
    title: "that came while this context slept says so",
  },
  {
    name: "a limit that comes late after a freeze ends at once",
    law: "P10, F7",
    ...ofLimit(
      "createLimit",
      (original) =>
        (clock, ...rest) =>
          original(over(clock, { running: () => 0 }), ...rest),
    ),
    test: SLEPT_THROUGH,
    title: "that a freeze has made late",
  },
  {
    name: "a bug is taken for the store's trouble",
    law: "F53",
    ...ofKeeper("StoreTrouble", (original) =>
      Object.defineProperty(class extends original {}, Symbol.hasInstance, { value: () => true }),
    ),
    test: KEEPER,
    title: "a bug in what writes",
  },
  {
    name: "a bug in a transition is taken for the store's trouble",
    law: "F53",
    ...ofKeeper("StoreTrouble", (original) =>
      Object.defineProperty(class extends original {}, Symbol.hasInstance, { value: () => true }),
    ),
    test: FAULTY_TRANSITIONS,
    title: "a bug in a refresh (concluded) is told to all who wait",
  },
  {
    name: "who waits is not told of a bug, and waits on",
    law: "F53, P10",
    ...ofCallers("createCallers", (original) => (parts) => {
      const advance = async (): Promise<void> => void (await parts.advance());
      return original({ ...parts, advance });
    }),
    test: FAULTY_TRANSITIONS,
    title: "a bug in a refresh (merge) is told to all who wait",
  },
  {
    name: "a bug in a pass is told to nobody",
    law: "F53",
    ...ofPass("createPass", (original) => (parts) => {
      const pass = original(parts);
      return () => pass().catch(() => {});
    }),
    test: FAULTY_TRANSITIONS,
    title: "a bug in what is learnt from the store",
  },
  {
    name: "a store that never takes a write is asked without a pause",
    law: "P10, F54",
    ...ofWriter(
      "createWriter",
      (original) => (options) => original({ ...options, pause: nothing }),
    ),
    also: [ofPass("createPass", (original) => (parts) => original({ ...parts, pause: nothing }))],
    test: SLOW,
    title: "is asked with pauses",
  },
  {
    name: "a session is refreshed though its store is out of reach",
    law: "P16",
    ...ofWriter("createWriter", (original) => (options) => {
      const writer = original(options);
      return over(writer, { load: () => writer.load().catch(() => {}) });
    }),
    test: KEEPER,
    title: "a store that is out of reach",
  },
  {
    name: "no fence before sending",
    law: "P8",
    ...ofExchange("createExchanges", (original) => (parts) => {
      const exchanges = original(parts);
      return over(exchanges, {
        run: (ask, { mayStillSend: _, ...options } = {}) => exchanges.run(ask, options),
      });
    }),
    test: FENCE,
    title: "holds for a context that was overtaken",
  },
  {
    name: "a grant that comes late is dropped",
    law: "P20, S14",
    ...ofExchange("createExchanges", (original) => (parts) => {
      const exchanges = original(parts);
      return over(exchanges, {
        run: (ask, { late: _, ...options } = {}) => exchanges.run(ask, options),
      });
    }),
    test: LATE,
    title: "because it was aborted, is revoked",
  },
  {
    name: "the exchange gets a full 15 s instead of what is left",
    law: "P10, F44",
    ...ofExchange("createExchanges", (original) => (parts) => {
      const exchanges = original(parts);
      return over(exchanges, {
        run: (ask, { deadline: _, ...options } = {}) => exchanges.run(ask, options),
      });
    }),
    test: FENCE,
    title: "gets what is left of fifteen",
  },
  {
    name: "no second judgement in the sending task",
    law: "P2, P8",
    ...ofAttempt("createAttempt", (original) => (parts) => {
      let first: ReturnType<typeof parts.mind.facts> | undefined;
      const mind = over(parts.mind, { facts: () => (first ??= parts.mind.facts()) });
      const attempt = original({ ...parts, mind });
      return () => {
        first = undefined;
        return attempt();
      };
    }),
    test: FENCE,
    title: "stops a repetition whose window closes",
  },
  {
    name: "no intent before the first byte",
    law: "P5",
    ...ofAttempt("createAttempt", (original) => (parts) => {
      let head: RecordHead | undefined;
      const keeper = over(parts.keeper, {
        async write(next) {
          head = next;
          return true;
        },
        head: async () => ({ head, askedAt: Infinity, isFresh: true }),
      });
      return original({ ...parts, keeper });
    }),
    test: FENCE,
    title: "is stored before the first byte leaves",
  },
  {
    name: "a late grant of an ended session is not revoked",
    law: "P20, S14",
    ...ofAttempt(
      "createAttempt",
      (original) => (parts) => original({ ...parts, revoke: () => {} }),
    ),
    test: ACCOUNTS,
    title: "a refresh on its way brings nobody back, and its late tokens are revoked",
  },
  {
    name: "a closed vault spends a refresh token",
    law: "P21, F50",
    ...ofAttempt("createAttempt", (original) => (parts) => original({ ...parts, ...open })),
    test: FENCE,
    title: "stops an attempt whose vault was closed",
  },
  {
    name: "a closed vault asks its store for a fence",
    law: "P21, F44",
    ...ofAttempt("createAttempt", (original) => (parts) => original({ ...parts, ...open })),
    test: SLOW,
    title: "is asked for nothing after close()",
  },
  {
    name: "a closed vault goes on with its pass, and with what comes of it",
    law: "P21, F50",
    ...ofPass("createPass", (original) => (parts) => original({ ...parts, ...open })),
    also: [ofAttempt("createAttempt", (original) => (parts) => original({ ...parts, ...open }))],
    test: CLOSING,
    title: "close() while the lock is waited for",
  },
  {
    name: "a caller of a closed vault waits on",
    law: "P10, P21",
    ...ofCallers("createCallers", (original) => (parts) => original({ ...parts, ...open })),
    test: CLOSING,
    title: "a closed vault begins nothing, whatever it is asked",
  },
  {
    name: "a closed vault revokes",
    law: "P21, F47",
    ...ofRevoking("createRevoking", (original) => (parts) => original({ ...parts, ...open })),
    test: LATE,
    title: "is not revoked by a closed vault",
  },
  {
    name: "no patience",
    law: "P10",
    ...ofCallers(
      "createCallers",
      (original) => (parts) => original({ ...parts, patience: 2 ** 31 - 1 }),
    ),
    test: PATIENCE,
    title: "rejects where there is no 401 in hand",
  },
  {
    name: "each wait of a call has a patience of its own",
    law: "F51",
    ...ofCallers("createCallers", (original) => (parts) => {
      const callers = original(parts);
      return over(callers, { obtain: ({ waited: _, ...need }) => callers.obtain(need) });
    }),
    test: PATIENCE,
    title: "[F51 P10]",
  },
  {
    name: "an error tells the status of a trouble that was before its caller's time",
    law: "F56",
    ...ofCallers(
      "errorOf",
      (original) => (code, known, at) => original(code, known, { ...at, since: -Infinity }),
    ),
    test: CALLERS,
    title: "has no status of what happened before its caller came",
  },
];
