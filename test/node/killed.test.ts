/** One of eight processes is killed or stopped at each phase of a refresh. The server's counters are the verdict. */
import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { all, DAY, every, family, HOUR, type Member } from "./folder-family.ts";
import type { Phase } from "./folder-process.ts";

const SIZE = 8;
const eight = Array.from({ length: SIZE }, () => process.execPath);
const OTHERS = SIZE - 1;

interface Scene {
  readonly victim: Member;
  readonly others: readonly Member[];
}

async function scene(
  options: Parameters<typeof family>[1] = {},
): Promise<Scene & Awaited<ReturnType<typeof family>>> {
  const found = await family(eight, options);
  const [victim, ...others] = found.members as [Member, ...Member[]];
  return { ...found, victim, others };
}

/** Until they have seen what a dead process has left, or are served. */
const seen = (served: Promise<unknown>, others: readonly Member[]): Promise<unknown> =>
  Promise.race([served, Promise.all(others.map((one) => one.look()))]);

/** Until it stands still: the signal is only sent when `kill` returns. Linux alone shows that. */
async function stopped({ pid }: Member): Promise<void> {
  if (process.platform !== "linux") return;
  // The state comes after the name, which may hold anything.
  const state = (): string => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1) ?? "";
  await vi.waitFor(() => expect(state()).toMatch(/^T/), { timeout: 10_000, interval: 5 });
}

/** Its calls end with it. */
const ignored = (call: Promise<unknown>): void => void call.catch(() => {});

describe("kill -9 while an expired token is refreshed", () => {
  // Who waits for a deadline waits in vain, because no time passes until then.
  const isStill = true;

  /** How many calls the server sees in all, and what the others get. */
  const phases: readonly (readonly [Phase, number, number | string])[] = [
    ["before the intent", 1, 200],
    ["after the intent", 1, 200],
    // The server has rotated, and only the dead process had the reply.
    ["before the commit", 2, "sign_in_required"],
    ["after the commit", 1, 200],
  ];

  it.each(phases)(
    "%s: calls in all %i, and nobody waits for the dead one's deadline [P2 P5 P10 F57]",
    async (phase, calls, result) => {
      const { api, pass, victim, others } = await scene({ isStill });
      const { frozen } = await victim.freezeAt(phase);
      await pass(DAY);
      ignored(victim.fetch("/v1/vms"));
      await frozen;
      const served = all(others);
      await victim.kill();
      await seen(served, others);
      // What a dead process has sent may be on its way for five seconds. That is no deadline of fifteen.
      await pass(6000, others);
      expect(await served).toEqual(every(3 * OTHERS, result));
      expect(await api.counters()).toMatchObject({
        tokenCalls: calls,
        reuseDetections: result === 200 ? 0 : 1,
      });
    },
  );

  it("with its request on its way, which is lost: two calls, and all are served [P2 P10 F39 F57]", async () => {
    const { api, pass, victim, others } = await scene({ isStill });
    await api.fault("refresh", { dropReply: "before" });
    const gate = await api.gate("refresh", "before");
    await pass(DAY);
    ignored(victim.fetch("/v1/vms"));
    await gate.arrived;
    const served = all(others);
    await victim.kill();
    await gate.left;
    await gate.release();
    await seen(served, others);
    await pass(6000, others);
    expect(await served).toEqual(every(3 * OTHERS, 200));
    expect(await api.counters()).toMatchObject({
      tokenCalls: 2,
      refreshed: 1,
      reuseDetections: 0,
    });
  });

  it("with the reply on its way, in the soft window: the token serves to its end, then a sign-in is due [P2 F39 F103]", async () => {
    const { api, pass, victim, others } = await scene();
    const gate = await api.gate("refresh", "after");
    await pass(DAY * 0.81);
    ignored(victim.fetch("/v1/vms"));
    await gate.arrived;
    await victim.kill();
    await gate.left;
    await gate.release();
    await pass(HOUR, others);
    expect(await all(others)).toEqual(every(3 * OTHERS, 200));
    expect((await api.counters()).tokenCalls).toBe(1);

    await pass(DAY * 0.2, others);
    const served = all(others);
    await pass(6000, others);
    expect(await served).toEqual(every(3 * OTHERS, "sign_in_required"));
    expect(await api.counters()).toMatchObject({ tokenCalls: 2, reuseDetections: 1 });
    await others[0]!.signIn();
    // A call of a process that has not heard of it yet was made as the earlier session's user (F103).
    expect(await all(others.slice(1), 1)).toEqual(every(OTHERS - 1, "session_changed"));
    expect(await all(others)).toEqual(every(3 * OTHERS, 200));
  });
});

describe("SIGSTOP and SIGCONT in mid-refresh", () => {
  it("a process that goes on in time brings its reply home: one call [P1 P8 F57]", async () => {
    const { api, pass, victim, others, members } = await scene();
    const gate = await api.gate("refresh", "after");
    await pass(DAY);
    const own = victim.fetch("/v1/vms");
    await gate.arrived;
    victim.signal("SIGSTOP");
    await stopped(victim);
    const served = all(others);
    await gate.release();
    victim.signal("SIGCONT");
    expect(await own).toEqual([200]);
    expect(await served).toEqual(every(3 * OTHERS, 200));
    expect(await all(members)).toEqual(every(3 * SIZE, 200));
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });

  it("in the soft window nobody waits for a stopped process, and its reply is stored when it goes on [P2 P8 F36]", async () => {
    const { api, pass, victim, others, members } = await scene();
    const gate = await api.gate("refresh", "after");
    await pass(DAY * 0.81);
    const own = victim.fetch("/v1/vms");
    await gate.arrived;
    victim.signal("SIGSTOP");
    await stopped(victim);
    await gate.release();
    await pass(HOUR, others);
    expect(await all(others)).toEqual(every(3 * OTHERS, 200));
    victim.signal("SIGCONT");
    expect(await own).toEqual([200]);
    expect(await victim.generation()).toEqual([2, "true"]);
    await pass(DAY * 0.2, others);
    await victim.advance(HOUR + DAY * 0.2);
    expect(await all(members)).toEqual(every(3 * SIZE, 200));
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });

  it("one that is stopped after its commit, and still holds the lock, keeps nobody waiting [P10 F2 F7]", async () => {
    const { api, pass, victim, others } = await scene();
    const { frozen } = await victim.freezeAt("after the commit");
    await pass(DAY);
    ignored(victim.fetch("/v1/vms"));
    await frozen;
    // No time passes for them: the record is news enough.
    expect(await all(others)).toEqual(every(3 * OTHERS, 200));
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });
});
