/** What every `Lock` must do, in every runtime it is for, and what `webLocks` must do besides. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { webLocks } from "../../src/locks/web-locks.ts";
import type { Lock } from "../../src/types.ts";

export interface LockContractOptions {
  /** Whether tasks really exclude each other; without a lock manager they need not. `true` by default. */
  readonly exclusive?: boolean;
}

/** A promise that the test settles. */
export function gate<T = void>(): {
  readonly opened: Promise<T>;
  readonly open: (value: T) => void;
} {
  let open!: (value: T) => void;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** A signal that is never aborted. */
export const never = (): AbortSignal => new AbortController().signal;

let names = 0;

/** Web Locks outlive a test: each has names of its own. */
export const freshName = (): string => `tokenkeep-test-${names++}-${Math.random()}`;

/** Runs a task that holds `name` until it is told to end; resolves when it holds. */
export async function hold(
  lock: Lock,
  name: string,
): Promise<{ readonly release: () => void; readonly done: Promise<unknown> }> {
  const held = gate();
  const end = gate();
  const done = lock.run(
    name,
    async () => {
      held.open();
      await end.opened;
    },
    never(),
  );
  await Promise.race([held.opened, done]);
  return { release: () => end.open(), done };
}

export function lockContract(
  name: string,
  make: () => Lock,
  { exclusive = true }: LockContractOptions = {},
): void {
  describe(`lock contract: ${name}`, () => {
    it("gives the task's result, and runs it once", async () => {
      let runs = 0;
      const result = await make().run(freshName(), async () => ++runs, never());
      expect([result, runs]).toEqual([1, 1]);
    });

    it("gives the task's error, runs it once, and is free again", async () => {
      const lock = make();
      const name = freshName();
      const error = new Error("the task's own");
      let runs = 0;
      const failing = (): never => {
        runs++;
        throw error;
      };
      await expect(lock.run(name, async () => failing(), never())).rejects.toBe(error);
      await expect(lock.run(name, failing, never())).rejects.toBe(error);
      expect(runs).toBe(2);
      expect(await lock.run(name, async () => "free", never())).toBe("free");
    });

    it("a task that rejects with undefined, or gives it, passes through too", async () => {
      const lock = make();
      const name = freshName();
      let runs = 0;
      await expect(
        lock.run(
          name,
          async () => {
            runs++;
            throw undefined;
          },
          never(),
        ),
      ).rejects.toBe(undefined);
      expect(await lock.run(name, async () => void runs++, never())).toBe(undefined);
      expect(runs).toBe(2);
    });

    it("aborted before: rejects with the reason, and the task never runs [F11]", async () => {
      let runs = 0;
      const reason = new Error("the caller's own");
      await expect(
        make().run(freshName(), async () => runs++, AbortSignal.abort(reason)),
      ).rejects.toBe(reason);
      expect(runs).toBe(0);
    });

    it("an abort after the lock was had changes nothing [P14]", async () => {
      const lock = make();
      const name = freshName();
      const aborter = new AbortController();
      const held = gate();
      const end = gate<string>();
      const order: string[] = [];
      const result = lock.run(
        name,
        async () => {
          held.open();
          const value = await end.opened;
          order.push("first");
          return value;
        },
        aborter.signal,
      );
      await held.opened;
      aborter.abort(new Error("late"));
      const second = lock.run(name, async () => order.push("second"), never());
      // Time for a lock that was let go to be had by the other.
      await lock.run(freshName(), async () => {}, never());
      await lock.run(freshName(), async () => {}, never());
      end.open("kept");
      expect(await result).toBe("kept");
      await second;
      if (exclusive) expect(order).toEqual(["first", "second"]);
    });

    it("other names do not wait", async () => {
      const lock = make();
      const holder = await hold(lock, freshName());
      expect(await lock.run(freshName(), async () => "at once", never())).toBe("at once");
      holder.release();
      await holder.done;
    });

    if (!exclusive) return;

    it("one holder at a time, in the order in which they came [F3]", async () => {
      const lock = make();
      const name = freshName();
      const order: string[] = [];
      let holders = 0;
      await Promise.all(
        ["a", "b", "c", "d", "e"].map((who) =>
          lock.run(
            name,
            async () => {
              expect(++holders).toBe(1);
              order.push(who);
              await lock.run(freshName(), async () => {}, never());
              expect(holders--).toBe(1);
            },
            never(),
          ),
        ),
      );
      expect(order).toEqual(["a", "b", "c", "d", "e"]);
    });

    it("aborted while waiting: rejects with the reason at once, the others keep their turn [F2 F11]", async () => {
      const lock = make();
      const name = freshName();
      const holder = await hold(lock, name);
      const aborter = new AbortController();
      const reason = new Error("gave up");
      const order: string[] = [];
      const before = lock.run(name, async () => order.push("before"), never());
      const between = lock.run(name, async () => order.push("between"), aborter.signal);
      const after = lock.run(name, async () => order.push("after"), never());
      aborter.abort(reason);
      await expect(between).rejects.toBe(reason);
      expect(order).toEqual([]);
      holder.release();
      await Promise.all([holder.done, before, after]);
      expect(order).toEqual(["before", "after"]);
      expect(await lock.run(name, async () => "free", never())).toBe("free");
    });

    it("all who wait give up, and the name is free after its holder [F2]", async () => {
      const lock = make();
      const name = freshName();
      const holder = await hold(lock, name);
      const aborter = new AbortController();
      const waiting = [1, 2, 3].map(() => lock.run(name, async () => {}, aborter.signal));
      aborter.abort("all");
      for (const waiter of waiting) await expect(waiter).rejects.toBe("all");
      holder.release();
      await holder.done;
      expect(await lock.run(name, async () => "free", never())).toBe("free");
    });

    it("an abort in the very moment of the grant leaves nobody locked out [F2]", async () => {
      const lock = make();
      const name = freshName();
      const holder = await hold(lock, name);
      const aborter = new AbortController();
      let runs = 0;
      const waiter = lock
        .run(name, async () => ++runs, aborter.signal)
        .then(
          () => "ran",
          (reason: unknown) => reason,
        );
      holder.release();
      await holder.done;
      aborter.abort("too late?");
      expect(await waiter).toBe(runs ? "ran" : "too late?");
      expect(await lock.run(name, async () => "free", never())).toBe("free");
    });
  });
}

/**
 * `webLocks` where there are Web Locks. `leave` makes the page go: hidden for good, or frozen.
 */
export function webLocksContract(
  name: string,
  leave: Record<"pagehide" | "freeze", () => void>,
): void {
  lockContract(`${name} Web Locks`, () => webLocks());

  describe(`webLocks: ${name}`, () => {
    afterEach(() => {
      vi.restoreAllMocks();
    });

    /** Whether somebody holds `name`. */
    const held = async (name: string): Promise<boolean> =>
      (await navigator.locks.query()).held!.some((lock) => lock.name === name);

    it("copies of the library share a lock by its name, held from the task's start to its end [F10]", async () => {
      const name = freshName();
      const holder = await hold(webLocks(), name);
      expect(await held(name)).toBe(true);
      let ran = false;
      const waiter = webLocks().run(name, async () => (ran = true), never());
      await webLocks().run(freshName(), async () => {}, never());
      expect(ran).toBe(false);
      holder.release();
      await Promise.all([holder.done, waiter]);
      expect(await held(name)).toBe(false);
    });

    it("never steals, not even with a polluted Object.prototype [F3]", async () => {
      const name = freshName();
      const request = vi.spyOn(navigator.locks, "request");
      const holder = await hold(webLocks(), name);
      let runs = 0;
      const polluted = Object.prototype as Record<string, unknown>;
      polluted["steal"] = true;
      polluted["ifAvailable"] = true;
      polluted["mode"] = "shared";
      let waiter;
      try {
        waiter = webLocks().run(name, async () => ++runs, never());
      } finally {
        for (const member of ["steal", "ifAvailable", "mode"]) delete polluted[member];
      }
      // Time for a stolen lock to be had.
      for (let at = 0; at < 3; at++) await webLocks().run(freshName(), async () => {}, never());
      expect(runs).toBe(0);
      holder.release();
      await Promise.all([holder.done, waiter]);
      expect(runs).toBe(1);
      for (const call of request.mock.calls) expect((call[1] as LockOptions).steal).toBeFalsy();
    });

    it("when somebody else steals the lock, the task goes on and is not run again [F3]", async () => {
      const name = freshName();
      const end = gate<string>();
      const begun = gate();
      let runs = 0;
      const result = webLocks().run(
        name,
        () => {
          runs++;
          begun.open();
          return end.opened;
        },
        never(),
      );
      await begun.opened;
      await navigator.locks.request(name, { steal: true }, async () => {});
      end.open("kept");
      expect([await result, runs]).toEqual(["kept", 1]);
    });

    it.each(["pagehide", "freeze"] as const)(
      "on %s the lock is let go while the task goes on [F7]",
      async (event) => {
        const name = freshName();
        const end = gate<string>();
        const begun = gate();
        const result = webLocks().run(
          name,
          () => {
            begun.open();
            return end.opened;
          },
          never(),
        );
        await begun.opened;
        expect(await held(name)).toBe(true);
        leave[event]();
        // Another context has it while the task still runs.
        expect(await navigator.locks.request(name, async () => "had")).toBe("had");
        end.open("kept");
        expect(await result).toBe("kept");
      },
    );

    it.each(["pagehide", "freeze"] as const)(
      "on %s a caller that waits leaves the queue, where a frozen page would block the others [F7]",
      async (event) => {
        const name = freshName();
        const begun = gate();
        const end = gate();
        const foreign = navigator.locks.request(name, async () => {
          begun.open();
          await end.opened;
        });
        await begun.opened;
        let runs = 0;
        const waiter = webLocks().run(name, async () => ++runs, never());
        leave[event]();
        // Without the lock, and before its holder has ended.
        expect(await waiter).toBe(1);
        // Node still lists it.
        const pending = (await navigator.locks.query()).pending!.map((lock) => lock.name);
        if (typeof document === "object") expect(pending).not.toContain(name);
        end.open();
        await foreign;
        expect(runs).toBe(1);
      },
    );

    it("a page that came back takes the lock again [F7]", async () => {
      leave.pagehide();
      leave.freeze();
      const name = freshName();
      const holder = await hold(webLocks(), name);
      expect(await held(name)).toBe(true);
      holder.release();
      await holder.done;
    });

    it("leaves no listener behind", async () => {
      const aborter = new AbortController();
      const listeners = new Set<unknown>();
      const { signal } = aborter;
      const [add, remove] = [signal.addEventListener, signal.removeEventListener];
      const ends: AbortSignal[] = [];
      vi.spyOn(signal, "addEventListener").mockImplementation((...args: unknown[]) => {
        listeners.add(args[1]);
        ends.push((args[2] as { signal: AbortSignal }).signal);
        add.apply(signal, args as Parameters<typeof add>);
      });
      vi.spyOn(signal, "removeEventListener").mockImplementation((...args: unknown[]) => {
        listeners.delete(args[1]);
        remove.apply(signal, args as Parameters<typeof remove>);
      });
      await webLocks().run(freshName(), async () => {}, signal);
      expect(listeners.size).toBe(0);
      expect(ends.every((end) => end.aborted)).toBe(true);
    });
  });
}
