import { defineTokenVault } from "tokenkeep/cloudflare";
import { vmcloud } from "tokenkeep/providers/vmcloud";

interface Env {
  readonly EVENTS: {
    writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void;
  };
}

export class TokenVault extends defineTokenVault<Env>({
  providers: { vmcloud: vmcloud() },
  onEvent({ type, account, status = 0, generation = 0 }, env) {
    env.EVENTS.writeDataPoint({
      indexes: [account],
      blobs: [type],
      doubles: [status, generation],
    });
  },
}) {}
