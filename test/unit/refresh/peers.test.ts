/** What a context tells a peer that asks whether a token is still good somewhere. */
import { expect, it } from "vitest";
import { settle } from "../../support/clock.ts";
import { bench, type Bench, signedIn, VMS } from "../../support/vault.ts";
import { testChannel } from "./faulty-parts.ts";

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
