/** What a context tells a peer that asks whether a token is still good somewhere. */
import { expect, it } from "vitest";
import type { Mind } from "../../../src/refresh/mind.ts";
import { createPeers } from "../../../src/refresh/peers.ts";
import { manualClock, settle } from "../../support/clock.ts";
import { bench, type Bench, signedIn, VMS } from "../../support/vault.ts";
import { testChannel } from "./faulty-parts.ts";
import { conclude, granted, heard, knownOf } from "./known-sessions.ts";
import { a, changed, T } from "./session-news.ts";

interface Asked extends Bench {
  readonly sessionId: string;
  readonly ask: (generation: number) => void;
  readonly told: () => number;
}

async function stage(): Promise<Asked> {
  const channel = testChannel({ isConnected: () => true });
  const made = await signedIn({ channel });
  const sessionId = channel.posted.at(-1)?.sessionId ?? "";
  return {
    ...made,
    sessionId,
    ask: (generation) => channel.say({ type: "ask", sessionId, generation }),
    told: () => channel.posted.filter(({ type }) => type === "passed").length,
  };
}

it("who asks after an endpoint has let it through is told at once, each time [P2]", async () => {
  const { vault, ask, told } = await stage();
  await vault.fetch(VMS);
  expect(told()).toBe(0);
  ask(1);
  ask(1);
  expect(told()).toBe(2);
});

it("who has asked before that is told as soon as one does, and once [P2]", async () => {
  const { vault, ask, told } = await stage();
  ask(1);
  expect(told()).toBe(0);
  await vault.fetch(VMS);
  await vault.fetch(VMS);
  await settle();
  expect(told()).toBe(1);
});

it("who has asked about another generation is told nothing of this one [P2]", async () => {
  const { vault, ask, told } = await stage();
  ask(2);
  await vault.fetch(VMS);
  expect(told()).toBe(0);
});

it("who asks while this context has still to read the record is told of its first success, too [P2]", async () => {
  const { api, clock, store, sessionId } = await stage();
  const channel = testChannel({ isConnected: () => true });
  const { vault } = bench({ api, clock, store, channel });
  channel.say({ type: "ask", sessionId, generation: 1 });
  await vault.fetch(VMS);
  await settle();
  expect(channel.posted.map(({ type }) => type)).toContain("passed");
});

it("who has asked before a late reply came is told that its grant is here [P2 F38]", () => {
  const channel = testChannel();
  let known = knownOf(a, T);
  const mind = (): Mind => ({ known }) as Mind;
  const peers = createPeers({
    channel,
    key: "key",
    clock: manualClock(),
    mind,
    isAttempting: () => false,
    look: () => {},
  });
  const claims = (): number => channel.posted.filter(({ type }) => type === "claim").length;
  channel.say({ type: "ask", sessionId: a.sessionId, generation: a.generation });
  peers.arrived();
  expect(claims()).toBe(0);
  known = heard(known, [T, changed(conclude("a", granted("late", T)))]);
  peers.arrived();
  peers.arrived();
  expect(claims()).toBe(1);
});
