/** The worker that runs the vault of these tests. */
import { serveVault } from "tokenkeep/worker";
import { providerOf, readConfig } from "./oauth-config.ts";

const config = readConfig(location.href);
const isolated = config.runBy === "isolated";
const { attachTokens } = serveVault({
  provider: providerOf(config),
  dangerouslyAllowLoopbackHttp: true,
  isolated,
});
if (isolated) addEventListener("fetch", (event) => void attachTokens(event));
