import { defineTokenVault } from "tokenkeep/cloudflare";
import { vmcloud } from "tokenkeep/providers/vmcloud";

interface Env {
  readonly EVENTS: {
    writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void;
  };
}

export class TokenVault extends defineTokenVault<Env>({
  providers: { vmcloud: vmcloud() },
  onEvent({ type, account, origin = "", status = 0, generation = 0 }, env) {
    env.EVENTS.writeDataPoint({
      // An index has 96 bytes at most; an account's name may have more.
      indexes: [type],
      blobs: [type, account, origin],
      doubles: [status, generation],
    });
  },
}) {}
