/** What the buttons work with: this tab's vault, the other tabs, and the way behind the API. */
import type { Form } from "../app/apis.ts";
import type { Tally } from "./channel.ts";
import type { Context } from "./context.ts";
import type { Tabs } from "./tabs.ts";
import type { DemoVault } from "../app/vaults.ts";
import { NotLoggedIn } from "./sentence.ts";

export interface Demo {
  readonly vault: DemoVault;
  /** What is asked for. */
  readonly url: string;
  /** This tab's number. */
  readonly tab: number;
  readonly tabs: Tabs;
  /** The tabs that share this session, by number. */
  team(): readonly number[];
  /** Signs in anew, opens tabs until there are so many, and begins a picture. */
  freshStart(count: number, isProven?: boolean): Promise<void>;
  /** Has tabs send requests, all at once; tells how they ended. */
  send(to: readonly number[], count: number): Promise<Tally>;
  /** Reaches behind the API: see `server.ts` for what there is. */
  server(what: string, kind?: string): Promise<unknown>;
  /** What the API's console gives to sign in with. */
  credentials(): Promise<Form>;
}

export function createDemo(
  { vault, url, tab, api, person, signIn, login }: Context,
  tabs: Tabs,
  begin: () => void,
): Demo {
  async function backstage(what: string, query: object, method: string): Promise<unknown> {
    const search = new URLSearchParams({ ...query });
    const reply = await fetch(`./backstage/${api.id}/${what}?${search}`, { method });
    if (!reply.ok) throw new Error(`The demo's server does not know how to ${what}`);
    return reply.json();
  }

  const demo: Demo = {
    vault,
    url,
    tab,
    tabs,
    team: () => tabs.team().map((one) => one.tab),
    send: (to, count) => tabs.send(to, count),
    async freshStart(count, isProven = false) {
      // A login that leaves the page is nobody's to begin but the user's: the session is as fresh as it is.
      if (!login.isAway) await signIn(await demo.credentials());
      else if (vault.snapshot().status !== "signed-in") throw new NotLoggedIn();
      await tabs.atLeast(count);
      // The API has accepted its token: a 401 after that says surely that it has ended.
      if (isProven) await vault.fetch(url);
      begin();
    },
    server: (what, kind = "") => backstage(what, { kind }, "POST"),
    credentials: async () =>
      (await backstage("credentials", { account: person.account }, "GET")) as Form,
  };
  return demo;
}
