/** Pages that are rendered in a Worker bring their vault along (F73). */
import { expect, it } from "vitest";
import { createVault } from "../../src/browser.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { connectVault } from "../../src/worker.ts";

it.each([
  ["tokenkeep/browser", "store_unavailable", () => createVault({ provider: vmcloud() })],
  ["connectVault", "worker_unavailable", () => connectVault(() => new SharedWorker("/vault.js"))],
])("%s is made and asked for a snapshot: unavailable [F73]", async (_, code, make) => {
  await using vault = make();
  const statuses: string[] = [];
  vault.subscribe(({ status }) => statuses.push(status));
  await expect(vault.getToken()).rejects.toMatchObject({ code });
  await expect.poll(() => statuses).toEqual(["loading", "unavailable"]);
});
