import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, expect, it, vi } from "vitest";
import { broadcastChannel } from "../../../src/channels/broadcast.ts";
import type { PeerMessage } from "../../../src/types.ts";

const message: PeerMessage = { type: "changed", sessionId: "session-1", generation: 2 };
const freshName = (): string => `tokenkeep-test-${Math.random()}`;

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Opens a listener and gives what it hears next. */
function listen(name: string): { readonly heard: Promise<unknown>; close(): void } {
  let hear!: (message: unknown) => void;
  const heard = new Promise<unknown>((resolve) => {
    hear = resolve;
  });
  const port = broadcastChannel().open(name, hear);
  return { heard, close: () => port.close() };
}

it("tells the others type, session id and generation, and nothing else that the object holds [F30]", async () => {
  const name = freshName();
  const other = listen(name);
  const stranger = vi.fn();
  const port = broadcastChannel().open(name, stranger);
  const elsewhere = broadcastChannel().open(freshName(), stranger);
  port.post({
    ...message,
    accessToken: "access-1",
    tokenSet: { refreshToken: "x" },
  } as PeerMessage);
  expect(await other.heard).toEqual(message);
  // Neither the sender nor who is on another name.
  expect(stranger).not.toHaveBeenCalled();
  for (const open of [other, port, elsewhere]) open.close();
});

it("hands on what others post as it is, unparsed [F30]", async () => {
  const name = freshName();
  const other = listen(name);
  const forger = new BroadcastChannel(name);
  forger.postMessage({ forged: true });
  expect(await other.heard).toEqual({ forged: true });
  forger.close();
  other.close();
});

it("a closed channel hears nothing and posts nothing, without an error", async () => {
  const name = freshName();
  const heard = vi.fn();
  const closed = broadcastChannel().open(name, heard);
  const other = listen(name);
  closed.close();
  closed.close();
  closed.post({ ...message, generation: 66 });
  const port = broadcastChannel().open(name, () => {});
  port.post(message);
  expect(await other.heard).toEqual(message);
  expect(heard).not.toHaveBeenCalled();
  port.close();
  other.close();
});

it.each([
  ["missing", undefined],
  [
    "refused",
    class {
      constructor() {
        throw new DOMException("denied", "SecurityError");
      }
    },
  ],
])("a BroadcastChannel that is %s makes a channel that does nothing", (_, constructor) => {
  vi.stubGlobal("BroadcastChannel", constructor);
  const port = broadcastChannel().open("name", () => {});
  port.post(message);
  port.close();
});

it("lets go of all its ends when it is closed, though its own trial has never arrived", () => {
  const open = new Set<object>();
  vi.stubGlobal(
    "BroadcastChannel",
    class {
      constructor() {
        open.add(this);
      }
      addEventListener(): void {}
      postMessage(): void {}
      close(): void {
        open.delete(this);
      }
    },
  );
  const port = broadcastChannel().open("name", () => {});
  expect(open.size).toBe(3);
  expect(port.isConnected?.()).toBe(false);
  port.close();
  expect(open.size).toBe(0);
});

it("an open channel does not keep a Node process alive [P10]", async () => {
  const file = new URL("../../../src/channels/broadcast.ts", import.meta.url);
  const script = `import { broadcastChannel } from ${JSON.stringify(file)};
    broadcastChannel().open("name", () => {}).post({});
    console.log("posted");`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", script],
    { timeout: 15_000 },
  );
  expect(stdout).toBe("posted\n");
});
