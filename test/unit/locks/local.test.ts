import { expect, it, vi } from "vitest";
import { localLock } from "../../../src/locks/local.ts";
import { freshName, hold, never } from "../../contracts/lock.ts";

// The contract runs in test/runtimes.

it("locks of two instances, as of two vaults, are apart [S11]", async () => {
  const name = freshName();
  const holder = await hold(localLock(), name);
  expect(await localLock().run(name, async () => "at once", never())).toBe("at once");
  holder.release();
  await holder.done;
});

it("leaves no listener on a signal that outlives the waiting", async () => {
  const lock = localLock();
  const holder = await hold(lock, "name");
  const { signal } = new AbortController();
  const add = vi.spyOn(signal, "addEventListener");
  const remove = vi.spyOn(signal, "removeEventListener");
  const waiter = lock.run("name", async () => {}, signal);
  holder.release();
  await Promise.all([holder.done, waiter]);
  expect(add).toHaveBeenCalledTimes(1);
  expect(remove.mock.calls[0]!.slice(0, 2)).toEqual(add.mock.calls[0]!.slice(0, 2));
});
