/** Redirects by the rules of the day that a Worker was made on. */
import { describe, expect, inject, it } from "vitest";
import { presentations } from "../contracts/fetch/presentation.ts";
import { redirects } from "../contracts/fetch/redirects.ts";
import { stages } from "../contracts/fetch/stage.ts";
import { credentials, stage } from "./strict-vmcloud.ts";

const date = inject("compatibilityDate");

describe(`at compatibility date ${date}`, () => {
  it("a redirect to another origin takes no token along, whatever the platform's fetch does [S2]", async () => {
    const { api, vault } = await stage();
    const foreign = await stage();
    await vault().signIn(credentials);
    const token = await vault().authorization();
    const url = `${api.url}/v1/start`;
    const seen = async (send: () => Promise<Response>): Promise<boolean> => {
      await api.fault("api", { redirect: `${foreign.api.url}/public/echo` });
      return ((await (await send()).json()) as { authorization: boolean }).authorization;
    };
    const natively = await seen(() => fetch(url, { headers: { authorization: token } }));
    expect(natively).toBe(date !== "now");
    expect(await seen(() => vault().fetch(url))).toBe(false);
  });

  it("the platform's own fetch follows, given as it is, to the vault and to a call [S2]", async () => {
    const { api, vault } = await stage();
    await vault().signIn(credentials);
    for (const [options, init] of [
      [{ fetch }, {}],
      [{}, { fetch }],
    ] as const) {
      await api.fault("api", { redirect: `${api.url}/public/echo` });
      const response = await vault(options).fetch(`${api.url}/v1/start`, init);
      expect([response.status, response.redirected]).toEqual([200, true]);
    }
  });

  const contract = stages({ control: inject("control"), streams: true, departs: ["types"] });
  redirects(contract);
  presentations(contract);
});
