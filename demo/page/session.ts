/** The session's card: the form, who is signed in, the token's claims. */
import type { Snapshot } from "tokenkeep/browser";
import type { Api, Field, Form } from "../app/apis.ts";

export interface SessionCard {
  render(snapshot: Snapshot, isOffline: boolean): void;
  /** Why a sign-in did not work; an empty text takes it away. */
  say(text: string): void;
  /** Asks for another token though there is a session: nothing renews it. */
  ask(text: string): void;
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
  /** What the form is filled with when it appears. */
  credentials: () => Promise<Partial<Form>>,
  /** `true` if it went well. */
  onSignIn: (form: Form) => Promise<boolean>,
): SessionCard {
  const form = part<HTMLFormElement>("sign-in");
  const fields = part("fields");
  fields.replaceChildren(...api.fields.map(input));
  let claimed: Snapshot["claims"];
  /** Why another token is asked for though there is a session. */
  let asked = "";
  let last: [Snapshot, boolean] | undefined;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button")!;
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true";
    const values = Object.fromEntries(new FormData(form)) as Form;
    if (await onSignIn(values)) asked = "";
    button.ariaDisabled = null;
    render();
  });

  function input({ name, label, type, autocomplete }: Field): HTMLLabelElement {
    const element = document.createElement("label");
    const box = document.createElement("input");
    Object.assign(box, { name, type, autocomplete, required: true, spellcheck: false });
    element.append(label, box);
    return element;
  }

  /** Only boxes that are still empty: somebody may have begun to type, or have signed in by now. */
  function fill(values: Partial<Form>): void {
    if (form.hidden) return;
    for (const box of fields.querySelectorAll("input"))
      box.value ||= values[box.name as keyof Form] ?? "";
  }

  /** Shows the form, or who is signed in, or both; the focus goes along. */
  function show(signedIn: boolean, loading: boolean): void {
    const whose = part("signed-in");
    const wanted = !loading && (!signedIn || asked !== "");
    const had = (wanted ? whose : form).contains(document.activeElement);
    const news = form.hidden === wanted;
    form.hidden = !wanted;
    whose.hidden = !signedIn;
    // What was typed in is not kept, here neither.
    if (news) form.reset();
    if (news && wanted) void credentials().then(fill, () => {});
    if (had && !wanted) part("show-me").focus();
    else if (had && !signedIn) form.querySelector<HTMLElement>("input, button")?.focus();
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

  function render(): void {
    if (!last) return;
    const [{ status, generation, persisted, claims, profile }, isOffline] = last;
    const signedIn = status === "signed-in";
    if (!signedIn) asked = "";
    document.body.dataset["status"] = status;
    document.body.toggleAttribute("data-offline", isOffline);
    write("status", isOffline && signedIn ? "Offline" : badges[status]);
    const notices = [
      isOffline &&
        (signedIn
          ? "You are offline. The session is kept; a refresh waits until the network is back."
          : "You are offline. A sign-in needs the network."),
      status === "sign-in-required" &&
        (api.life
          ? "The session has ended: the API does not renew it any more. Sign in again."
          : "The API answered 401, and nothing renews this token. The 401 came back to you; put in another token."),
      status === "unavailable" &&
        "The browser's storage cannot be reached, which does not mean that you are signed out. Allow site data for this page; a sign-in made now lives in this tab's memory only.",
      signedIn &&
        !persisted &&
        "This session is in this tab's memory only: the browser's storage did not take it.",
      asked,
    ];
    write("notice", notices.filter(Boolean).join(" "));
    show(signedIn, status === "loading");
    if (signedIn) {
      write("generation", String(generation ?? ""));
      if (!asked) write("refusal", "");
    }
    showClaims(signedIn ? (claims ?? profile) : undefined);
  }

  return {
    say: (text) => write("refusal", text),
    ask(text) {
      asked = text;
      render();
    },
    render(snapshot, isOffline) {
      last = [snapshot, isOffline];
      render();
    },
  };
}
