/** The command line tool of `demo/examples/cli`, as a user starts it. */
import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeEach, describe, expect, inject, it } from "vitest";
import { type SpawnedApi, spawnApi } from "../apis/client.ts";
import { ada } from "../apis/vmcloud-data.ts";
import { root, start, workshop } from "../support/programs.ts";

const DAY = 86_400_000;
const source = readFileSync(path.join(root, "demo/examples/cli/vms.ts"), "utf8");
const { folder, save, remove } = workshop();
afterAll(remove);
const program = save(source);
const state = path.join(folder, "state");

let api: SpawnedApi;
let ahead = 0;
beforeEach(async () => {
  rmSync(state, { recursive: true, force: true });
  api = await spawnApi(inject("control"), { name: "vmcloud", rotation: "strict" });
  ahead = 0;
});

/** Lets time pass for the server and for later runs. */
async function pass(ms: number): Promise<void> {
  ahead += ms;
  await api.set({ clockOffset: ahead });
}

const vms = (...words: string[]): Promise<string> =>
  start(
    program,
    {
      TOKENKEEP_APIS: JSON.stringify({ "https://api.vmcloud.com": api.url }),
      TOKENKEEP_AHEAD: String(ahead),
      XDG_STATE_HOME: state,
      LOCALAPPDATA: state,
      HOME: state,
      VMCLOUD_PASSWORD: ada.password,
      NODE_NO_WARNINGS: "1",
    },
    words,
  ).ended;

const twenty = (): Promise<string[]> => Promise.all(Array.from({ length: 20 }, () => vms("list")));

describe("the command line tool", () => {
  it("is short", () => {
    expect(source.split("\n").length).toBeLessThan(120);
  });

  it("signs in once, and is signed in at its later runs, until it signs out [P19]", async () => {
    await expect(vms("list")).rejects.toThrow(/not signed in/);
    expect(await vms("login", ada.email)).toMatch(/Signed in/);
    expect(await vms("list")).toContain("vm-1");
    expect(await vms("status")).toMatch(/ada@example.com until 20/);
    expect(await api.counters()).toMatchObject({ signIns: 1, tokenCalls: 0 });
    expect(await vms("logout")).toMatch(/Signed out/);
    await expect(vms("list")).rejects.toThrow(/not signed in/);
  });

  it("prints and exits in the soft window, and loses nothing [P5 P7 F22]", async () => {
    await vms("login", ada.email);
    await pass(DAY * 0.85);
    expect(await vms("list")).toContain("vm-1");
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 1 });
    // Each run is a new process: what it shows was stored by the one before it.
    await pass(DAY * 0.5);
    expect(await vms("list")).toContain("vm-1");
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });

  it("twenty of it at once, with a token that has ended: one refresh [P1 F1]", async () => {
    await vms("login", ada.email);
    await pass(DAY);
    for (const output of await twenty()) expect(output).toContain("vm-1");
    expect(await api.counters()).toMatchObject({ signIns: 1, tokenCalls: 1, reuseDetections: 0 });
  });

  it("twenty of it at once, with a token that the server rejects: one refresh [P1 P12]", async () => {
    await vms("login", ada.email);
    await api.expireAccessTokens();
    for (const output of await twenty()) expect(output).toContain("vm-1");
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });
});
