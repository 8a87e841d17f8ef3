// vault.worker.ts: one worker runs the vault for all tabs.
import { vmcloud } from "tokenkeep/providers/vmcloud";
import { serveVault } from "tokenkeep/worker";

export const vault = serveVault({ provider: vmcloud() });
