// The page: instead of createVault.
import { connectVault } from "tokenkeep/worker";

const script = new URL("./vault.worker.ts", import.meta.url);
export const vault = connectVault(() => new SharedWorker(script, { type: "module" }));
