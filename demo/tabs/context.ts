/**
 * What runs in every tab of the demo, and in every frame that stands for one: a vault as an
 * application makes it, and an ear for the demo's channel.
 */
import type { Snapshot } from "tokenkeep/browser";
import { type Api, type ApiId, apiOf, type Form, people, type Person } from "../app/apis.ts";
import { joinChannel, type News, type TabState, type Tally } from "./channel.ts";
import { clientOf, comeBack, logIn } from "../app/login.ts";
import { send } from "../app/requests.ts";
import type { Whereabouts } from "../backstage/server.ts";
import { createTrace } from "./trace.ts";
import { type DemoVault, openInPage, openInWorker } from "../app/vaults.ts";
import { wantsWorker } from "./mode.ts";

export interface Context {
  readonly tab: number;
  readonly api: Api;
  /** Whether an API runs here: on the site some cannot. */
  readonly isThere: (id: ApiId) => boolean;
  readonly person: Person;
  readonly vault: DemoVault;
  /** What is asked for. */
  readonly url: string;
  readonly reuseWindow: number;
  /** Whether a worker runs the vault. */
  readonly isOwned: () => boolean;
  signIn(form: Form): Promise<void>;
  /** Whether the browser leaves the page for a sign-in, and what there is to say when it is back. */
  readonly login: { readonly isAway: boolean; readonly news: string };
  setOffline(offline: boolean): void;
  readonly isOffline: () => boolean;
  /** Whether it is so by the switch, and not by the network. */
  readonly isSwitchedOff: () => boolean;
}

/** Where the APIs are: the page's server has written it there; on the site nobody serves. */
async function findApis(): Promise<Readonly<Record<string, Whereabouts>>> {
  const told = document.getElementById("apis")?.textContent;
  return told ? JSON.parse(told) : (await import("../site/start.ts")).startApis();
}

/** Starts this tab's part. What it is to call stands in its address. */
export async function startContext(within?: number): Promise<Context> {
  const asked = new URL(location.href).searchParams;
  const whereabouts = await findApis();
  const wanted = apiOf(asked.get("api"));
  const api = wanted.id in whereabouts ? wanted : apiOf(null);
  const person = people.find((one) => one.account === asked.get("account")) ?? people[0];
  const { account } = person;
  const { url: there = "", reuseWindow = 0 } = whereabouts[api.id] ?? {};
  // By the page's own name: to a cookie `localhost` and `127.0.0.1` are two sites.
  const isNamed = location.hostname === "localhost";
  // An OAuth server has one name, which its metadata tells; its tokens travel in no cookie.
  const url = isNamed && !api.login ? there.replace("127.0.0.1", "localhost") : there;
  const tab = await claimNumber(within === undefined);
  let offline = takeOffline();

  const line = joinChannel(listen);
  const trace = createTrace(tab, line.post, () => offline);
  const place = { baseURL: url, reuseWindow };
  const inWorker = wantsWorker();
  const opened = inWorker
    ? openInWorker(api.id, place, account)
    : openInPage(api.id, place, account, {
        fetch: trace.fetch,
        online: () => navigator.onLine && !offline,
        // The API is on this machine; an https API needs no such thing.
        dangerouslyAllowLoopbackHttp: true,
      });
  const client = clientOf(url, account);
  const news = api.login && within === undefined ? await comeBack(client, opened) : "";
  if (inWorker) trace.listen(url);
  const vault = trace.watch(opened);
  const target = url + api.path;

  function state({ status, generation, issuedAt }: Snapshot): TabState {
    const inside = within === undefined ? {} : { within };
    return { tab, ...inside, api: api.id, account, status, generation, issuedAt, offline };
  }
  const announce = (): void => line.post({ type: "here", state: state(vault.snapshot()) });

  async function answer(id: string, count: number): Promise<void> {
    const tally: Tally = await send({ vault, url: target }, count);
    trace.flush();
    line.post({ type: "sent", id, tab, tally });
  }

  function listen(news: News): void {
    if (news.type === "who") announce();
    else if (news.type === "send" && news.to.includes(tab)) void answer(news.id, news.count);
    else if (news.type === "offline" && news.to.includes(tab)) setOffline(news.offline);
    else if (news.type === "close" && news.to === tab) leave();
    else if (news.type === "reload") location.reload();
  }

  function setOffline(on: boolean): void {
    offline = on;
    announce();
    // As a browser tells a page; the vault looks again.
    if (!on) dispatchEvent(new Event("online"));
  }

  addEventListener("pagehide", () => {
    trace.close();
    line.post({ type: "bye", tab });
  });
  vault.subscribe(announce);

  return {
    tab,
    api,
    isThere: (id) => id in whereabouts,
    person,
    vault,
    url: target,
    reuseWindow,
    signIn: api.login ? () => logIn(client, account) : opened.signIn,
    login: { isAway: api.login ?? false, news },
    isOwned: opened.isOwned,
    setOffline,
    isOffline: () => offline || !navigator.onLine,
    isSwitchedOff: () => offline,
  };
}

/** A tab that is opened by one that is switched off begins so. A reload does not: the switch is its own by then. */
function takeOffline(): boolean {
  const url = new URL(location.href);
  const isAsked = url.searchParams.has("offline");
  url.searchParams.delete("offline");
  if (isAsked) history.replaceState(history.state, "", url);
  return isAsked;
}

/** Goes at once, as a tab does that is closed; what cannot be closed leaves the page. */
function leave(): void {
  if (window.frameElement) window.frameElement.remove();
  else {
    window.close();
    location.replace("./gone.html");
  }
}

/** The name of the lock that a tab holds for as long as it lives. */
export const lockOf = (tab: number): string => `tokenkeep-demo-tab-${tab}`;

/** Takes the lowest free number; a page keeps its own when it is reloaded or goes elsewhere here. */
async function claimNumber(isPage: boolean): Promise<number> {
  const [, before] = /^tab (\d+)$/.exec(window.name) ?? [];
  let tab = isPage ? Number(before ?? 0) : 0;
  // The page that was here a moment ago may still hold it.
  if (!tab || !(await hold(tab, { signal: AbortSignal.timeout(1_000) })))
    for (tab = 1; !(await hold(tab, { ifAvailable: true })); tab++);
  if (isPage) window.name = `tab ${tab}`;
  return tab;
}

function hold(tab: number, options: LockOptions): Promise<boolean> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(lockOf(tab), options, (lock) => {
        resolve(lock !== null);
        return lock ? new Promise(() => {}) : undefined;
      })
      // Any other error is the browser's: there are no locks here.
      .catch((error: unknown) => (options.signal?.aborted ? resolve(false) : reject(error)));
  });
}
