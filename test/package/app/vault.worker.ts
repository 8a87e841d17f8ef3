/** The worker's file: bundlers find it by its address in `owned.ts`. */
import { vmcloud } from "tokenkeep/providers/vmcloud";
import { serveVault } from "tokenkeep/worker";

/** Put there by the build. */
declare const API: string;

export const vault = serveVault({
  provider: vmcloud({ baseURL: API }),
  dangerouslyAllowLoopbackHttp: true,
});
