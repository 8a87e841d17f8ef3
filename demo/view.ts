/** What the page shows: it reads snapshots and events, and knows nothing else of the vault. */
import type { Snapshot, VaultEvent } from "tokenkeep/browser";
import type { DemoCounters } from "./server.ts";

export interface View {
  readonly form: HTMLFormElement;
  render(snapshot: Snapshot, connection: "up" | "offline" | "down"): void;
  /** The countdown, several times a second. */
  tick(snapshot: Snapshot): void;
  counters(counters: DemoCounters): void;
  /** What became of what a button stands for. */
  outcome(text: string): void;
  /** Why a sign-in did not work; an empty text takes it away. */
  refusal(text: string): void;
  log(type: VaultEvent["type"], generation?: number, status?: number): void;
}

const HOUR = 1_000;

const badges: Record<Snapshot["status"], string> = {
  loading: "Loading…",
  "signed-in": "Signed in",
  "signed-out": "Signed out",
  "sign-in-required": "Sign-in required",
  unavailable: "Storage unavailable",
};

const events: Record<VaultEvent["type"], string> = {
  "signed-in": "Signed in",
  refreshing: "Refreshing: this tab makes the call",
  refreshed: "Refreshed",
  adopted: "Adopted from another tab",
  refused: "The server refused to renew the session",
  trouble: "Trouble at the refresh endpoint: the session stays, another try follows",
  "signed-out": "Signed out",
  retried: "Sent again after a 401",
  "store-trouble": "The browser's storage does not answer",
  unpersisted: "The session is in this tab's memory only",
  unreadable: "The stored session cannot be opened",
};

export function createView(): View {
  const main = document.querySelector("main")!;
  const part = <T extends HTMLElement = HTMLElement>(id: string): T =>
    document.getElementById(id) as T;
  const form = part<HTMLFormElement>("sign-in");
  const life = part("life");
  const logged = part("log");
  let last = { text: "", times: 0, entry: undefined as HTMLElement | undefined };

  /** Only news: what is written into a live region is read aloud. */
  function write(id: string, text: string): void {
    const element = part(id);
    if (element.textContent !== text) element.textContent = text;
    if (element.classList.contains("notice")) element.hidden = text === "";
  }

  function tick({ issuedAt, refreshAt, expiresAt }: Snapshot): void {
    if (issuedAt === undefined || expiresAt === undefined || part("signed-in").hidden) return;
    const now = Date.now();
    const whole = expiresAt - issuedAt;
    const share = (at: number): string =>
      `${(100 * Math.min(1, Math.max(0, (at - issuedAt) / whole))).toFixed(2)}%`;
    // As the protocol has it: callers wait from a tenth of the life (at most 30 s) before its end.
    const hardAt = expiresAt - Math.min(30_000, whole / 10);
    const softAt = refreshAt ?? expiresAt;
    life.style.setProperty("--spent", share(now));
    life.style.setProperty("--soft", share(softAt));
    life.style.setProperty("--hard", share(hardAt));
    life.dataset["phase"] = now < softAt ? "fresh" : now < hardAt ? "soft" : "hard";
    const hours = Math.min(whole, Math.max(0, now - issuedAt)) / HOUR;
    life.setAttribute("aria-valuenow", String(Math.floor(hours)));
    life.setAttribute("aria-valuetext", `hour ${Math.floor(hours)} of ${whole / HOUR}`);
    const left = (at: number): string => `${((at - now) / 1_000).toFixed(1)} s`;
    write("hour", `Hour ${Math.floor(hours)} of ${whole / HOUR}`);
    write("soft", now < softAt ? `soft in ${left(softAt)}` : "renewal is due");
    write("end", now < expiresAt ? `ends in ${left(expiresAt)}` : "ended: requests wait");
  }

  /** Shows the form or what is there for whoever is signed in; the focus goes along. */
  function show(signedIn: boolean, loading: boolean): void {
    const whose = part("signed-in");
    const lost = signedIn ? form : whose;
    const had = lost.contains(document.activeElement);
    form.hidden = signedIn || loading;
    whose.hidden = !signedIn;
    for (const id of ["send-1", "send-50"]) part<HTMLButtonElement>(id).disabled = !signedIn;
    if (had) (signedIn ? part("send-1") : form.querySelector("input"))?.focus();
  }

  return {
    form,
    tick,
    render(snapshot, connection) {
      const { status, claims, generation, persisted } = snapshot;
      main.dataset["status"] = status;
      write("status", badges[status]);
      write(
        "notice",
        [
          connection === "offline" &&
            "You are offline. The session is kept, and a refresh waits until the network is back.",
          connection === "down" &&
            "The demo's server does not answer. The session is kept: start it again with “npm run demo”.",
          status === "sign-in-required" &&
            "The session has ended: the server does not renew it any more. Sign in again.",
          status === "unavailable" &&
            "The browser's storage cannot be reached, which does not mean that you are signed out. Allow site data for this page; a sign-in now lives in this tab's memory only.",
          status === "signed-in" &&
            !persisted &&
            "This session is in this tab's memory only: the browser's storage did not take it.",
        ]
          .filter(Boolean)
          .join(" "),
      );
      const signedIn = status === "signed-in";
      show(signedIn, status === "loading");
      if (signedIn) {
        write("who", String(claims?.["email"] ?? "somebody"));
        write("generation", String(generation ?? ""));
        write("refusal", "");
      }
      tick(snapshot);
    },
    counters({ requests, refreshes, healed }) {
      write("requests", String(requests));
      write("refreshes", String(refreshes));
      write("healed", String(healed));
    },
    outcome: (text) => write("outcome", text),
    refusal: (text) => write("refusal", text),
    log(type, generation, status) {
      const named = generation !== undefined && /^(refreshed|adopted)$/.test(type);
      const text = events[type] + (named ? `: token set ${generation}` : "");
      const whole = type === "trouble" && status !== undefined ? `${text} (${status})` : text;
      // Fifty requests healed at once are one line.
      if (last.text === whole && last.entry) {
        last.times += 1;
        last.entry.dataset["times"] = `× ${last.times}`;
        return;
      }
      const entry = document.createElement("li");
      const time = document.createElement("time");
      time.textContent = new Date().toLocaleTimeString();
      entry.append(time, ` ${whole}`);
      logged.prepend(entry);
      while (logged.children.length > 8) logged.lastElementChild!.remove();
      last = { text: whole, times: 1, entry };
    },
  };
}
