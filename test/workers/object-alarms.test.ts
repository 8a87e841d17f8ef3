/** Refreshing ahead, though nobody calls: the alarm comes on time, twice, late, or never. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { credentials, eventually, HOUR, type Stage, stage, type Stub } from "./strict-vmcloud.ts";
import { hooks } from "./tested-worker.ts";

const alarmOf = (stub: Stub): Promise<number | null> =>
  runInDurableObject(stub, (_, { storage }) => storage.getAlarm());

/** Signed in, and its alarm set. */
async function started(): Promise<Stage & { object: Stub }> {
  const one = await stage();
  await one.vault().signIn(credentials);
  const object = await one.stub();
  await eventually(() => alarmOf(object));
  return { ...one, object };
}

describe("alarm", () => {
  it("refreshes ahead when nobody calls, and is set again", async () => {
    const { api, vault, object } = await started();
    const first = (await alarmOf(object))! - Date.now();
    expect(first / HOUR).toBeGreaterThan(17.9);
    expect(first / HOUR).toBeLessThan(19.3);
    hooks.ahead = 20 * HOUR;
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 1 });
    expect(await vault().state()).toMatchObject({ generation: 2, status: "signed-in" });
    await eventually(async () => (await alarmOf(object))! - Date.now() > 17 * HOUR);
  });

  it("fired twice at once, and again, it refreshes once [P1]", async () => {
    const { api, object } = await started();
    hooks.ahead = 20 * HOUR;
    const fire = (): Promise<unknown> =>
      runInDurableObject(object, async (instance) => {
        const { alarm } = instance as { alarm(): Promise<void> };
        await Promise.all([alarm.call(instance), alarm.call(instance)]);
      });
    await fire();
    await fire();
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 1 });
  });

  it("too early it changes nothing but sets itself again", async () => {
    const { api, object } = await started();
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await api.counters()).toMatchObject({ tokenCalls: 0 });
    expect((await alarmOf(object))! - Date.now()).toBeGreaterThan(17 * HOUR);
  });

  it("so late that the token has ended, it meets callers: one token call [P1]", async () => {
    const { api, vault, echo, object } = await started();
    hooks.ahead = 25 * HOUR;
    const [, ...responses] = await Promise.all([
      runDurableObjectAlarm(object),
      vault().fetch(echo),
      vault().fetch(echo),
    ]);
    expect(responses.map(({ status }) => status)).toEqual([200, 200]);
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });

  it("lost, it is set again when the object starts [F35]", async () => {
    const { object } = await started();
    await runInDurableObject(object, (_, { storage }) => storage.deleteAlarm());
    expect(await alarmOf(object)).toBeNull();
    await evictDurableObject(object);
    await eventually(() => alarmOf(object));
    expect((await alarmOf(object))! - Date.now()).toBeGreaterThan(17 * HOUR);
  });

  it("lost for so long that a refresh is due, the start makes it [F35]", async () => {
    const { api, object } = await started();
    await runInDurableObject(object, (_, { storage }) => storage.deleteAlarm());
    await evictDurableObject(object);
    hooks.ahead = 20 * HOUR;
    await eventually(() => alarmOf(object));
    await eventually(async () => (await api.counters()).refreshed === 1);
  });

  it("trouble makes it back off; the token serves on [P17 P18]", async () => {
    const { api, vault, echo, object } = await started();
    await api.fault("refresh", { status: 503, times: "always" });
    hooks.ahead = 20 * HOUR;
    await runDurableObjectAlarm(object);
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 0 });
    // A 503 leaves open whether the token was spent: nothing is sent before the access token's end.
    const wait = (await alarmOf(object))! - Date.now();
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThan(4 * HOUR + 1);
    expect((await vault().fetch(echo)).status).toBe(200);
    await api.clearFaults();
    hooks.ahead = 25 * HOUR;
    await runDurableObjectAlarm(object);
    expect(await api.counters()).toMatchObject({ refreshed: 1, reuseDetections: 0 });
  });

  it("refused, it rests: the access token serves to its end [P9 F36]", async () => {
    const { api, vault, echo, object } = await started();
    await api.revokeFamilies();
    hooks.ahead = 20 * HOUR;
    await runDurableObjectAlarm(object);
    await eventually(async () => (await alarmOf(object)) === null);
    expect((await vault().fetch(echo)).status).toBe(200);
    hooks.ahead = 25 * HOUR;
    await expect(vault().fetch(echo)).rejects.toMatchObject({ code: "sign_in_required" });
    expect((await api.counters()).tokenCalls).toBe(1);
  });

  it("signed out, there is none, and one that fires all the same does nothing [P4]", async () => {
    const { api, vault, object } = await started();
    await vault().signOut();
    await eventually(async () => (await alarmOf(object)) === null);
    await runInDurableObject(object, (_, { storage }) => storage.setAlarm(Date.now() + HOUR));
    hooks.ahead = 20 * HOUR;
    await runDurableObjectAlarm(object);
    expect(await api.counters()).toMatchObject({ tokenCalls: 0 });
    expect(await vault().state()).toMatchObject({ status: "signed-out" });
  });
});
