/** The channel over a server that hands messages on. */
import { describe, expect, it } from "vitest";
import { channelOver, type Hearer, type Relay } from "../../../src/server/relay.ts";
import type { PeerMessage } from "../../../src/types.ts";

const message: PeerMessage = { type: "changed", sessionId: "session-1", generation: 2 };

/** A server that hands on what it has got when it is told to. */
function server(): Relay & {
  readonly said: string[];
  /** What it takes is handed on, lost on its way, or refused. */
  mode: "on" | "lost" | "refused";
  open(): void;
  lose(): void;
  say(text: string): void;
  joined(): number;
} {
  const hearers = new Set<Hearer>();
  const all = (tell: (hearer: Hearer) => void): void => {
    for (const hearer of [...hearers]) tell(hearer);
  };
  const it = {
    said: [] as string[],
    mode: "on" as "on" | "lost" | "refused",
    join(_name: string, hearer: Hearer) {
      hearers.add(hearer);
      return () => void hearers.delete(hearer);
    },
    async publish(_name: string, text: string) {
      it.said.push(text);
      await undefined;
      if (it.mode === "refused") throw new Error("refused");
      if (it.mode === "on") all((hearer) => hearer.heard(text));
    },
    open: () => all((hearer) => hearer.opened()),
    lose: () => all((hearer) => hearer.lost()),
    say: (text: string) => all((hearer) => hearer.heard(text)),
    joined: () => hearers.size,
  };
  return it;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("a message reaches the other ports, and not its own", async () => {
  const relay = server();
  const heard: [string, unknown][] = [];
  const channel = channelOver(relay);
  const [one, two] = ["one", "two"].map((name) =>
    channel.open("name", (said) => heard.push([name, said])),
  );
  relay.open();
  one!.post(message);
  await turn();
  expect(heard).toEqual([["two", message]]);
  expect(two!.isConnected!()).toBe(true);
});

it("what goes to the server is a generation's name, and nothing that a caller adds [F30]", async () => {
  const relay = server();
  const port = channelOver(relay).open("name", () => {});
  port.post({ ...message, accessToken: "secret" } as PeerMessage);
  expect(relay.said.join()).not.toContain("secret");
  expect(JSON.parse(relay.said[0]!).said).toEqual(message);
});

describe("it says that it is connected only while messages arrive", () => {
  it("from the first that has come back", async () => {
    const relay = server();
    const port = channelOver(relay).open("name", () => {});
    expect(port.isConnected!()).toBe(false);
    relay.mode = "lost";
    relay.open();
    expect(port.isConnected!()).toBe(false);
    await turn();
    // It tries again where it is asked.
    relay.mode = "on";
    expect(port.isConnected!()).toBe(false);
    await turn();
    expect(port.isConnected!()).toBe(true);
  });

  it("for all ports by one trial, which is tried once more if it was lost [F45]", async () => {
    const relay = server();
    const channel = channelOver(relay);
    const ports = ["a", "b", "c"].map((name) => channel.open(name, () => {}));
    const connected = (): readonly boolean[] => ports.map((port) => port.isConnected!());
    relay.mode = "lost";
    relay.open();
    await turn();
    expect(relay.said).toHaveLength(1);
    relay.mode = "on";
    expect(connected()).toEqual([false, false, false]);
    await turn();
    expect(connected()).toEqual([true, true, true]);
    expect(relay.said).toHaveLength(2);
  });

  it("not by the trial of an earlier connection, nor by a message of its own alone [F45]", async () => {
    const relay = server();
    const port = channelOver(relay).open("name", () => {});
    relay.open();
    await turn();
    const [trial = ""] = relay.said;
    relay.mode = "lost";
    relay.open();
    port.post(message);
    relay.say(relay.said.at(-1)!);
    relay.say(trial);
    await turn();
    expect(port.isConnected!()).toBe(false);
  });

  it("a question that the server does not hand on: its silence means nothing [F45]", async () => {
    const relay = server();
    const port = channelOver(relay).open("name", () => {});
    relay.open();
    await turn();
    expect(port.isConnected!()).toBe(true);
    for (const mode of ["lost", "refused"] as const) {
      relay.mode = mode;
      port.post({ ...message, type: "ask" });
      await turn();
      expect(port.isConnected!()).toBe(false);
    }
    await turn();
    relay.mode = "on";
    port.isConnected!();
    await turn();
    expect(port.isConnected!()).toBe(true);
  });

  it("not after the connection is lost, until one stands again and has delivered", async () => {
    const relay = server();
    const port = channelOver(relay).open("name", () => {});
    relay.open();
    await turn();
    relay.lose();
    expect(port.isConnected!()).toBe(false);
    await turn();
    expect(port.isConnected!()).toBe(false);
    relay.mode = "lost";
    relay.open();
    await turn();
    expect(port.isConnected!()).toBe(false);
  });

  it("not after it is closed, and then it hears nothing", async () => {
    const relay = server();
    const heard: unknown[] = [];
    const port = channelOver(relay).open("name", (said) => heard.push(said));
    relay.open();
    await turn();
    port.close();
    expect(port.isConnected!()).toBe(false);
    expect(relay.joined()).toBe(0);
  });
});

it("a text that is no message of a vault is not heard, and throws nothing [S10 F52]", async () => {
  const relay = server();
  const heard: unknown[] = [];
  channelOver(relay).open("name", (said) => heard.push(said));
  for (const text of ["", "{", "null", "7", "[]", "{}", '{"from":"a"}', '{"from":1,"count":1}'])
    expect(() => relay.say(text)).not.toThrow();
  // A trial of another port.
  relay.say('{"from":"a","count":1}');
  expect(heard).toEqual([]);
});

it("a server that is out of reach is nobody's error", async () => {
  const relay = server();
  relay.mode = "refused";
  const port = channelOver(relay).open("name", () => {});
  relay.open();
  expect(() => port.post(message)).not.toThrow();
  await turn();
});
