/** The demo's page: a vault as an application makes it, and what there is to see of it. */
import { createVault, isVaultError } from "tokenkeep/browser";
import { vmcloud } from "tokenkeep/providers/vmcloud";
import type { DemoCounters } from "./server.ts";
import { createView } from "./view.ts";

const baseURL = document.querySelector<HTMLMetaElement>("meta[name=api]")!.content;

const vault = createVault({
  provider: vmcloud({ baseURL, rotation: "strict" }),
  // The API is on this machine; an https API needs no such thing.
  dangerouslyAllowLoopbackHttp: true,
});

const view = createView();

/** What the network is like, as far as this tab knows. */
let serverDown = false;
const connection = (): "up" | "offline" | "down" =>
  navigator.onLine ? (serverDown ? "down" : "up") : "offline";

const render = (): void => view.render(vault.snapshot(), connection());
vault.subscribe(render);
vault.events(({ type, generation, status }) => {
  view.log(type, generation, status);
  render();
  void refreshCounters();
});
for (const type of ["online", "offline"]) addEventListener(type, render);
// The countdown; what a screen reader is told changes with the state only.
setInterval(() => view.tick(vault.snapshot()), 100);

/** The numbers come from the page's own server; the channel only tells other tabs to ask. */
const news = new BroadcastChannel("tokenkeep-demo");
news.addEventListener("message", () => void refreshCounters());

async function demo(method: string, path: string): Promise<void> {
  try {
    const response = await fetch(`/demo/${path}`, { method });
    view.counters((await response.json()) as DemoCounters);
    serverDown = false;
  } catch {
    serverDown = navigator.onLine;
  }
  render();
}

const refreshCounters = (): Promise<void> => demo("GET", "counters");
void refreshCounters();
setInterval(() => {
  if (!document.hidden) void refreshCounters();
}, 2_000);

/** Runs what a button stands for, once at a time, and tells the other tabs. */
function onClick(id: string, work: () => Promise<string>): void {
  const button = document.getElementById(id)!;
  button.addEventListener("click", async () => {
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true";
    view.outcome(await work().catch(sentence));
    button.ariaDisabled = null;
    news.postMessage("changed");
    void refreshCounters();
  });
}

/** An error as a sentence for people: the vault's say what to do. */
function sentence(error: unknown): string {
  if (isVaultError(error)) return `${error.message} (${error.code}).`;
  if (!navigator.onLine) return "You are offline: the request failed, as fetch's would.";
  serverDown = true;
  render();
  return "The API does not answer: the request failed, as fetch's would.";
}

async function send(count: number): Promise<string> {
  view.outcome(count === 1 ? "Sending…" : `Sending ${count} at once…`);
  const start = performance.now();
  const one = async (): Promise<number> => {
    const response = await vault.fetch(`${baseURL}/v1/vms?n=${crypto.randomUUID()}`);
    return response.status;
  };
  const statuses = await Promise.all(Array.from({ length: count }, one));
  const took = Math.round(performance.now() - start);
  const refused = statuses.filter((status) => status === 401).length;
  const answered = statuses.filter((status) => status === 200).length;
  return [
    `${answered} of ${count} answered, ${took} ms.`,
    refused > 0 &&
      `${refused} came back with 401: the last refresh was a moment ago, so the vault does not make another one yet.`,
  ]
    .filter(Boolean)
    .join(" ");
}

onClick("send-1", () => send(1));
onClick("send-50", () => send(50));
onClick("expire", async () => {
  await demo("POST", "expire");
  return serverDown
    ? "The API does not answer."
    : "The API now refuses the token, and no tab knows. Send one or fifty, here or in several tabs.";
});
onClick("sign-out", async () => {
  await vault.signOut();
  return "Signed out, in all tabs.";
});

view.form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { email, password } = Object.fromEntries(new FormData(view.form)) as Record<string, string>;
  view.outcome("");
  try {
    await vault.signIn({ email: email!, password: password! });
    view.refusal("");
  } catch (error) {
    view.refusal(sentence(error));
  }
  render();
});
