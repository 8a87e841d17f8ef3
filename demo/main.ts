/** The page: it wires this tab's vault, the other tabs, and what there is to see of them. */
import type { LogReply } from "./api-log.ts";
import { type Action, showMe, signOut } from "./actions.ts";
import { apis } from "./apis.ts";
import { showButtons } from "./buttons.ts";
import { joinChannel, type News } from "./channel.ts";
import { sentence, startContext } from "./context.ts";
import { createDemo } from "./demo.ts";
import { createHistory } from "./history.ts";
import { createLanes } from "./lanes.ts";
import { createRing } from "./ring.ts";
import { createSessionCard, write } from "./session.ts";
import { createStage } from "./stage.ts";
import { createTabs } from "./tabs.ts";
import type { Values } from "./vaults.ts";

/** How often the API's log is asked for, milliseconds: while something is going on, and otherwise. */
const [SOON, LATER] = [150, 2_000];

const context = await startContext();
const { api, account, vault } = context;
const person = api.people.find((one) => one.account === account) ?? api.people[0];

const history = createHistory();
const line = joinChannel(heard);
const tabs = createTabs(context, line, (gone) => {
  if (gone !== undefined) history.left(gone);
  stage.draw();
});
const lanes = createLanes(
  () => void tabs.open(),
  (tab) => tabs.close(tab),
);
const stage = createStage(api, history, (refreshers) =>
  lanes.render(tabs.list(), context.tab, refreshers),
);
const card = createSessionCard(api, person, signIn);
const ring = createRing(api.life);
let totals: LogReply["totals"] = { requests: 0, refreshes: 0, healed: 0 };
const demo = createDemo(
  context,
  tabs,
  history,
  async () => person.values,
  () => totals.refreshes,
);

function heard(news: News): void {
  if (news.type === "scene") history.begin(news.title, news.start);
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

/** The API's own log: the numbers come from there. */
async function readLog(): Promise<void> {
  let since = 0;
  for (;;) {
    try {
      const reply = await fetch(`/backstage/${api.id}/log?since=${since}`);
      const { entries, next, totals: sums } = (await reply.json()) as LogReply;
      // A server that was started anew counts from the beginning.
      since = next < since ? 0 : next;
      totals = sums;
      history.logged(entries);
      write("total-requests", String(sums.requests));
      write("total-refreshes", String(sums.refreshes));
      write("down", "");
      if (entries.length > 0) stage.draw();
    } catch {
      write("down", "The demo's server does not answer. Start it again with “npm run demo”.");
    }
    const live = history.scene(Date.now())?.isLive;
    await new Promise((resolve) => setTimeout(resolve, live ? SOON : LATER));
  }
}
void readLog();

async function signIn(values: Values): Promise<void> {
  try {
    await context.signIn(values);
    card.say("");
  } catch (error) {
    card.say(sentence(error));
  }
}

/** Begins a picture of its own, in all tabs, and keeps it open until the work is done. */
async function perform(
  title: string,
  isScene: boolean,
  work: () => Promise<string | void> | string,
): Promise<void> {
  if (isScene) {
    const start = Date.now();
    history.begin(title, start);
    line.post({ type: "scene", title, start });
    history.hold(true);
  }
  stage.draw();
  try {
    const text = await work();
    if (text) stage.say(text);
  } catch (error) {
    stage.say(sentence(error));
  }
  if (isScene) history.hold(false);
  stage.draw();
}

showButtons(api, (action: Action) =>
  perform(`${action.label}…`, action.scene, () => action.run(demo, api)),
);
function onClick(id: string, work: () => Promise<void>): void {
  const button = document.getElementById(id)!;
  button.addEventListener("click", async () => {
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true";
    await work();
    button.ariaDisabled = null;
  });
}
onClick("show-me", () =>
  perform("Five tabs, fifty requests each…", true, () => showMe(demo, api)),
);
onClick("sign-out", () => perform("Signing out…", false, () => signOut(demo)));

const offline = document.getElementById("offline") as HTMLInputElement;
offline.addEventListener("change", () => {
  const to = tabs.list().filter(({ tab, within }) => (within ?? tab) === context.tab);
  line.post({ type: "offline", to: to.map(({ tab }) => tab), offline: offline.checked });
  context.setOffline(offline.checked);
  render();
});

const strict = document.getElementById("strict") as HTMLInputElement;
strict.checked = context.reuseWindow === 0;
strict.addEventListener("change", async () => {
  await demo.server("rotation", strict.checked ? "strict" : "window");
  line.post({ type: "reload" });
  location.reload();
});

/** Which API, and who. Links: another API is another vault, and a page of its own. */
function links(): void {
  const nav = document.getElementById("apis-nav")!;
  for (const one of apis) {
    const link = document.createElement("a");
    link.href = `./?api=${one.id}`;
    const kind = document.createElement("small");
    kind.textContent = one.kind;
    link.append(one.name, kind);
    if (one === api) link.ariaCurrent = "page";
    nav.append(link);
  }
  const who = document.getElementById("people")!;
  for (const one of api.people) {
    const link = document.createElement("a");
    link.href = `./?api=${api.id}&account=${one.account}`;
    link.textContent = one.name;
    if (one === person) link.ariaCurrent = "page";
    who.append(link);
  }
  write("teaches", api.teaches);
  document.getElementById("strict-box")!.hidden = !api.rotates;
}
links();
render();
stage.draw();
document.body.dataset["ready"] = "";
