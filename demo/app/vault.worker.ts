/** The vault that all tabs share. It runs in a worker; where none is to be had, in each tab. */
import { serveVault } from "tokenkeep/worker";
import { apiOf } from "./apis.ts";
import { uses } from "./providers.ts";
import { setup } from "../tabs/owner.ts";

// A worker serves one API. Which one, and where it is, stands in this file's address.
const asked = new URL(import.meta.url).searchParams;
const provider = uses[apiOf(asked.get("api")).id].provider({
  baseURL: asked.get("baseURL") ?? "",
  reuseWindow: Number(asked.get("reuseWindow")),
});

// #region worker
// vault.worker.ts: one worker for all tabs.
export const vault = serveVault({ provider, ...setup });
// #endregion
