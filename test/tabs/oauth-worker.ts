/** The worker that runs the vault of these tests. */
import { serveVault } from "tokenkeep/worker";
import { providerOf, readConfig } from "./oauth-config.ts";

serveVault({
  provider: providerOf(readConfig(location.href)),
  dangerouslyAllowLoopbackHttp: true,
});
