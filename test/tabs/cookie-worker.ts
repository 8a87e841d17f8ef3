/** The shared worker that runs the vault of the tests of cookies. */
import { serveVault } from "tokenkeep/worker";
import { type CookieConfig, providerOf } from "./cookie-page.ts";

const config = JSON.parse(
  new URL(location.href).searchParams.get("config") ?? "{}",
) as CookieConfig;

serveVault({ provider: providerOf(config), dangerouslyAllowLoopbackHttp: true });
