/** The session's card: the form, whoever is signed in, the token's claims. */
import type { Snapshot } from "tokenkeep/browser";
import type { Api, Field, Person } from "./apis.ts";
import type { Values } from "./vaults.ts";

export interface SessionCard {
  render(snapshot: Snapshot, isOffline: boolean): void;
  /** Why a sign-in did not work, or why one is asked for; an empty text takes it away. */
  say(text: string): void;
  /** Fills the form with what the demo gives away. */
  fill(values: Values): void;
}

const badges: Record<Snapshot["status"], string> = {
  loading: "Loading…",
  "signed-in": "Signed in",
  "signed-out": "Signed out",
  "sign-in-required": "Sign-in required",
  unavailable: "Storage unavailable",
};

const part = <T extends HTMLElement = HTMLElement>(id: string): T =>
  document.getElementById(id) as T;

/** Only news: what is written into a live region is read aloud. */
export function write(id: string, text: string): void {
  const element = part(id);
  if (element.textContent !== text) element.textContent = text;
  if (element.classList.contains("notice")) element.hidden = text === "";
}

export function createSessionCard(
  api: Api,
  person: Person,
  onSignIn: (values: Values) => Promise<void>,
): SessionCard {
  const form = part<HTMLFormElement>("sign-in");
  const fields = part("fields");
  fields.replaceChildren(...api.fields.map(input));
  let claimed: Snapshot["claims"];

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button")!;
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true";
    const values = Object.fromEntries(new FormData(form)) as Record<string, string>;
    await onSignIn(values);
    button.ariaDisabled = null;
  });

  function input({ name, label, type, autocomplete }: Field): HTMLLabelElement {
    const element = document.createElement("label");
    const box = document.createElement("input");
    Object.assign(box, { name, type, autocomplete, required: true, spellcheck: false });
    element.append(label, box);
    return element;
  }

  const fill = (values: Values): void => {
    for (const box of fields.querySelectorAll("input")) box.value = values[box.name] ?? "";
  };

  /** Shows the form, or who is signed in; the focus goes along. */
  function show(signedIn: boolean, loading: boolean): void {
    const whose = part("signed-in");
    const had = (signedIn ? form : whose).contains(document.activeElement);
    const news = form.hidden !== (signedIn || loading);
    form.hidden = signedIn || loading;
    whose.hidden = !signedIn;
    // What was typed in is not kept, here neither.
    if (news) fill(signedIn ? {} : person.values);
    if (had) (signedIn ? part("show-me") : form.querySelector("input"))?.focus();
  }

  function showClaims(claims: Snapshot["claims"]): void {
    if (claimed === claims) return;
    claimed = claims;
    const rows = Object.entries(claims ?? {}).flatMap(([name, value]) => {
      const [term, detail] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = name;
      detail.textContent = typeof value === "string" ? value : JSON.stringify(value);
      return [term, detail];
    });
    part("claims").replaceChildren(...rows);
    part("claims-box").hidden = rows.length === 0;
  }

  return {
    fill,
    say: (text) => write("refusal", text),
    render(snapshot, isOffline) {
      const { status, generation, persisted, claims } = snapshot;
      document.body.dataset["status"] = status;
      write("status", isOffline && status === "signed-in" ? "Offline" : badges[status]);
      write(
        "notice",
        [
          isOffline &&
            "You are offline. The session is kept; a refresh waits until the network is back.",
          status === "sign-in-required" &&
            "The session has ended: the API does not renew it any more. Sign in again.",
          status === "unavailable" &&
            "The browser's storage cannot be reached, which does not mean that you are signed out. Allow site data for this page; a sign-in made now lives in this tab's memory only.",
          status === "signed-in" &&
            !persisted &&
            "This session is in this tab's memory only: the browser's storage did not take it.",
        ]
          .filter(Boolean)
          .join(" "),
      );
      show(status === "signed-in", status === "loading");
      if (status === "signed-in") {
        write("generation", String(generation ?? ""));
        write("refusal", "");
      }
      showClaims(status === "signed-in" ? claims : undefined);
    },
  };
}
