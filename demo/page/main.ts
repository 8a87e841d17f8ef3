/** The page: it wires this tab's vault, the other tabs, and what there is to see of them. */
import type { LogReply } from "../backstage/api-log.ts";
import { type Action, signOut } from "../app/actions.ts";
import { apis, type Form, people } from "../app/apis.ts";
import { showButtons } from "./buttons.ts";
import { joinChannel, type News, OWNER } from "../tabs/channel.ts";
import { startContext } from "../tabs/context.ts";
import { sentence } from "../tabs/sentence.ts";
import { createDemo } from "../tabs/demo.ts";
import { createHistory } from "./history.ts";
import { createLanes } from "./lanes.ts";
import { createRing } from "./ring.ts";
import { createSessionCard, write } from "./session.ts";
import { createStage } from "./stage.ts";
import { wantsWorker, wantWorker } from "../tabs/mode.ts";
import { createTabs } from "../tabs/tabs.ts";

/** How often the API's log is asked for, milliseconds: while something is going on, and otherwise. */
const [SOON, LATER] = [150, 2_000];

// On the site there is no server that would have written it, and what needs one is said to be elsewhere.
document.body.toggleAttribute("data-site", document.getElementById("apis") === null);
// A phone's visitor would scroll past them for a long time.
for (const fold of document.querySelectorAll<HTMLDetailsElement>(".fold"))
  fold.open = matchMedia("(width >= 40rem)").matches;

/** The log cannot be read: what answers for the APIs is not there. */
const GONE = document.body.hasAttribute("data-site")
  ? "The service worker that stands for the APIs has gone. Reload the page."
  : "The demo's server does not answer. Start it again with “npm run demo”.";
const context = await startContext().catch((error: Error) => {
  write("status", "Not started");
  const needs = "It needs Web Locks and BroadcastChannel, which current browsers have";
  write("down", `The demo cannot start in this browser. ${needs}. (${error.message})`);
  return new Promise<never>(() => {});
});
const { api, person, vault } = context;

const history = createHistory();
const channel = joinChannel(heard);
const tabs = createTabs(context, channel, (gone) => {
  if (gone !== undefined) history.left(gone);
  stage.draw();
});
const lanes = createLanes(
  () => void tabs.open(),
  (tab) => tabs.close(tab),
);
const stage = createStage(
  api,
  history,
  (refreshers) => lanes.render(tabs.list(), context.tab, context.isOwned(), refreshers),
  (ends) => {
    // What is signed anew is refused as well: the key itself is no good, and only the user can help.
    const isFinal = ends.has("401") && api.life !== undefined && !api.calls;
    card.ask(
      isFinal
        ? "The API answers 401 to what is signed with this key, and the 401s come back to you. Put in another key."
        : "",
    );
  },
);
const ring = createRing(api.life);
const demo = createDemo(context, tabs, begin);
const card = createSessionCard(api, demo.credentials, signIn);

function heard(news: News): void {
  // Each tab that the worker serves tells of its refreshes; one picture needs one of them.
  if (news.type === "renewal" && news.renewal.tab === OWNER && news.from !== context.tab) return;
  if (news.type === "offline" && news.to.includes(context.tab)) {
    offline.checked = news.offline;
    render();
  }
  if (news.type === "scene") {
    history.begin(news.title, news.start, news.from);
    hurry();
  }
  if (news.type === "done") history.release(news.start);
  history.heard(news);
  tabs.heard(news);
  if (news.type === "here" || news.type === "bye") return;
  stage.draw();
}

function render(): void {
  card.render(vault.snapshot(), context.isOffline());
  ring.tick(vault.snapshot(), Date.now());
}
vault.subscribe(render);
for (const type of ["online", "offline"]) addEventListener(type, render);
setInterval(() => ring.tick(vault.snapshot(), Date.now()), 100);

/** Has the log read soon. */
let hurry = (): void => {};

/** The API's own log: the numbers come from there. */
async function readLog(): Promise<void> {
  let since = 0;
  for (;;) {
    try {
      const reply = await fetch(`./backstage/${api.id}/log?since=${since}`);
      const { entries, next, totals } = (await reply.json()) as LogReply;
      // A server that was started anew counts from the beginning.
      since = next < since ? 0 : next;
      history.logged(entries);
      write("total-requests", String(totals.requests));
      write("total-refreshes", String(totals.refreshes));
      write("down", "");
      if (entries.length > 0) stage.draw();
    } catch {
      // Without a network nobody knows; that there is none is said elsewhere.
      const isDown = navigator.onLine;
      write("down", isDown ? GONE : "");
    }
    const live = history.scene(Date.now())?.isLive;
    await new Promise<void>((resolve) => {
      hurry = resolve;
      setTimeout(resolve, live ? SOON : LATER);
    });
  }
}
void readLog();

async function signIn(form: Form): Promise<boolean> {
  try {
    await context.signIn(form);
    card.say("");
    // What was said of an earlier session.
    stage.say("");
    return true;
  } catch (error) {
    card.say(sentence(error));
    return false;
  }
}

let title = "";
let start = 0;
/** Begins a picture of its own, in all tabs, and keeps it open until the work is done. */
function begin(): void {
  start = Date.now();
  history.begin(title, start, context.tab);
  channel.post({ type: "scene", title, start, from: context.tab });
  document.getElementById("stage")!.toggleAttribute("data-live", true);
  hurry();
}

/** What a press of a button is, besides what it does. */
interface Deed {
  readonly name: string;
  readonly picture: Action["picture"];
  /** The button's group. */
  readonly group?: HTMLElement | null;
}

/** Whether a picture is being made. */
let isBusy = false;

async function perform(
  { name, picture, group }: Deed,
  work: () => Promise<string | void> | string,
): Promise<void> {
  const line = group?.querySelector<HTMLElement>(".said");
  for (const one of document.querySelectorAll(".said")) one.textContent = "";
  const say = (text: string): void => {
    if (picture === "none" && line) line.textContent = text;
    else stage.say(text);
  };
  const isPicture = picture !== "none";
  // What is sent while a picture is being made becomes part of it; one picture is made at a time.
  const isGuest = isPicture && isBusy;
  if (isGuest && picture === "later") {
    if (line) line.textContent = "Another picture is being made. Try again when it is whole.";
    return;
  }
  if (isPicture && !isGuest) {
    isBusy = true;
    title = name;
    if (picture === "now") begin();
    else stage.say("Signing in anew, and waiting until all tabs have seen it…");
    stage.draw();
  }
  // On a narrow screen the picture is far from the buttons.
  if (isPicture)
    for (const id of ["stage", "summary"])
      document.getElementById(id)!.scrollIntoView({ block: "nearest" });
  try {
    const text = await work();
    if (text) say(text);
  } catch (error) {
    say(sentence(error));
  }
  if (isPicture && !isGuest) {
    isBusy = false;
    history.release(start);
    channel.post({ type: "done", start });
  }
  stage.draw();
}

showButtons(api, wantsWorker(), ({ id, label, picture, run }: Action) => {
  const group = document.getElementById(id)!.closest("fieldset");
  return perform({ name: `${label}…`, picture, group }, () => run(demo, api));
});
function onClick(id: string, work: () => Promise<void>): void {
  const button = document.getElementById(id)!;
  button.addEventListener("click", async () => {
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true";
    await work();
    button.ariaDisabled = null;
  });
}
onClick("sign-out", () =>
  perform({ name: "Signing out…", picture: "none" }, () => signOut(demo, api)),
);

const offline = document.getElementById("offline") as HTMLInputElement;
offline.checked = context.isSwitchedOff();
offline.addEventListener("change", () => {
  // A worker has one network for all.
  const to = tabs
    .list()
    .filter(({ tab, within }) => context.isOwned() || (within ?? tab) === context.tab);
  channel.post({ type: "offline", to: to.map(({ tab }) => tab), offline: offline.checked });
  context.setOffline(offline.checked);
  render();
});

/** This tab, too: its context hears what is posted here. */
const reloadAll = (): void => channel.post({ type: "reload" });

/** A change loads all tabs anew; what cannot be changed is switched back, and told. */
function onSwitch(input: HTMLInputElement, change: () => unknown): void {
  input.addEventListener("change", async () => {
    try {
      await change();
      reloadAll();
    } catch (error) {
      input.checked = !input.checked;
      stage.say(sentence(error));
    }
  });
}

const strict = document.getElementById("strict") as HTMLInputElement;
strict.checked = context.reuseWindow === 0;
onSwitch(strict, () => demo.server("rotation", strict.checked ? "strict" : "window"));

const owned = document.getElementById("owned") as HTMLInputElement;
owned.checked = wantsWorker();
onSwitch(owned, () => wantWorker(owned.checked));

/** Which API, and who. Links: another API is another vault, and a page of its own. */
function links(): void {
  const nav = document.getElementById("apis-nav")!;
  for (const one of apis.filter(({ id }) => context.isThere(id))) {
    const link = document.createElement("a");
    link.href = `./?api=${one.id}`;
    const kind = document.createElement("small");
    kind.textContent = one.kind;
    link.append(one.name, kind);
    if (one === api) link.ariaCurrent = "page";
    nav.append(link);
  }
  const who = document.getElementById("people")!;
  for (const one of people) {
    const link = document.createElement("a");
    link.href = `./?api=${api.id}&account=${one.account}`;
    link.textContent = one.name;
    if (one === person) link.ariaCurrent = "page";
    who.append(link);
  }
  // Where there is room for them.
  (document.getElementById("claims-box") as HTMLDetailsElement).open =
    matchMedia("(width >= 75rem)").matches;
  if (api.life && !api.calls)
    write("counted", `Counted by the API, ${api.renewal[1]} by the vaults.`);
  write("refreshes-label", api.renewal[1]);
  write("legend-renewal", api.renewal[0]);
  write("punch", api.punch);
  write("teaches", api.teaches);
  document.getElementById("strict-box")!.hidden = !api.rotates;
  document.getElementById("jar")!.hidden = !api.jar;
  document.getElementById("filled-hint")!.hidden = api.login ?? false;
  document.getElementById("login-hint")!.hidden = !api.login;
  if (api.login) {
    document.getElementById("sign-in-button")!.textContent = `Log in at ${api.name}`;
    write("claims-title", "Claims of the ID token");
    write("claims-hint", "Checked when they came: for display, not for rights.");
  }
  document.getElementById("marks-hint")!.hidden = api.life === undefined;
  document.getElementById("owned-box")!.hidden = api.life === undefined;
}
links();
render();
stage.draw();
/** What came of a login page says where it is looked for: beside the form, or below the picture. */
if (context.login.news) {
  const isIn = vault.snapshot().status === "signed-in";
  (isIn ? stage : card).say(context.login.news);
}
document.body.dataset["ready"] = "";
