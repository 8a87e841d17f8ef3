/** The channel of the world: messages between the contexts of a device, and now and then garbage. */
import type { Channel, PeerMessage } from "../../src/types.ts";
import type { Place, World } from "./world.ts";

/** `"deaf"`: nothing that is posted arrives, and the port says so. */
export type ChannelKind = "none" | "open" | "deaf";

interface Member {
  readonly place: Place;
  readonly name: string;
  readonly hear: (message: unknown) => void;
}

/** What another program on the same channel may post (S10, F52). */
const GARBAGE: readonly unknown[] = [
  undefined,
  null,
  {},
  "changed",
  7,
  { type: "changed" },
  { type: "claim", sessionId: 5, generation: "many" },
  { type: "ask", sessionId: null, generation: NaN },
  Object.create(null),
];

/** How long a message travels at the most, in milliseconds. */
export const LONGEST_MESSAGE = 5;

export function createChannels(world: World, kind: ChannelKind) {
  const members: Member[] = [];
  return {
    of(place: Place): Channel | undefined {
      if (kind === "none") return undefined;
      return {
        open(name, hear) {
          const member: Member = { place, name, hear };
          members.push(member);
          const others = (): Member[] =>
            members.filter(
              (other) =>
                other !== member && other.name === name && other.place.device === place.device,
            );
          return {
            post(message: PeerMessage) {
              if (kind === "deaf") return;
              const dirt = world.chance(world.faults.garbage)
                ? GARBAGE[Math.floor(world.random() * GARBAGE.length)]
                : message;
              for (const other of others()) {
                world.schedule(other.place, world.random() * LONGEST_MESSAGE, () =>
                  other.hear(message),
                );
                if (dirt !== message)
                  world.schedule(other.place, world.random() * LONGEST_MESSAGE, () =>
                    other.hear(dirt),
                  );
              }
            },
            close() {
              if (members.includes(member)) members.splice(members.indexOf(member), 1);
            },
            isConnected: () => kind === "open",
          };
        },
      };
    },
  };
}
