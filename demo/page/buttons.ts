/** The buttons, in their groups, and the panel beside them that shows the code of the one in hand. */
import { type Action, actions, hints } from "../app/actions.ts";
import type { Api } from "../app/apis.ts";
import { colour, program, region } from "./code.ts";

/**
 * Shows the code of a button, or of anything else that has `data-code`: what an application writes, and
 * below it what the demo does.
 */
function showCode(title: string, programs: readonly string[], regions: readonly string[]): void {
  const text = (parts: readonly string[]): string =>
    parts.filter((part) => part !== "").join("\n\n");
  const lines = text(regions.map(region));
  document.getElementById("code-title")!.textContent = title;
  document.getElementById("code")!.replaceChildren(colour(text(programs.map(program))));
  document.getElementById("demo-code")!.replaceChildren(colour(lines));
  document.getElementById("demo-code-box")!.hidden = lines === "";
}

/** Puts the buttons there; `run` is called with the one that is pressed. */
export function showButtons(
  api: Api,
  inWorker: boolean,
  run: (action: Action) => Promise<void>,
): void {
  const groups = new Map<string, HTMLElement>();
  const place = document.getElementById("actions")!;

  function groupOf(name: Action["group"]): HTMLElement {
    let group = groups.get(name);
    if (!group) {
      const box = document.createElement("fieldset");
      const legend = document.createElement("legend");
      legend.textContent = name;
      group = document.createElement("div");
      group.className = "row";
      box.append(legend, group);
      const text = hints[name];
      if (text) {
        const hint = document.createElement("p");
        hint.className = "hint";
        hint.id = `hint-${groups.size}`;
        hint.textContent = text;
        box.append(hint);
        box.setAttribute("aria-describedby", hint.id);
      }
      // What is said of a button that makes no picture: beside it, and not below an older picture.
      const said = document.createElement("p");
      said.className = "said";
      said.role = "status";
      box.append(said);
      place.append(box);
      groups.set(name, group);
    }
    return group;
  }

  for (const action of actions) {
    if (action.when && !action.when(api)) continue;
    const there = document.getElementById(action.id) as HTMLButtonElement | null;
    const button = there ?? document.createElement("button");
    button.type = "button";
    button.id = action.id;
    button.textContent = action.label;
    button.dataset["code"] = action.code.join(" ");
    button.dataset["paste"] = action.paste ?? api.id;
    button.addEventListener("click", async () => {
      if (button.ariaDisabled === "true") return;
      button.ariaDisabled = "true";
      await run(action);
      button.ariaDisabled = null;
    });
    if (!there) groupOf(action.group).append(button);
  }

  for (const type of ["pointerover", "focusin", "click"])
    document.addEventListener(type, ({ target }) => {
      const element = (target as Element).closest<HTMLElement>("[data-code]");
      if (!element) return;
      const { title = element.textContent.trim(), paste = api.id, code = "" } = element.dataset;
      showCode(title, paste.split(" "), code.split(" "));
    });
  const opens = inWorker ? ["worker", "connect"] : ["create"];
  const login = api.login ? ["oauth-client", "come-back", "log-in"] : [];
  const signsIn = [...login, api.id, ...opens];
  document.getElementById("sign-in-button")!.dataset["code"] = signsIn.join(" ");
  document.getElementById("strict-label")!.dataset["code"] = api.id;
  const { dataset } = document.getElementById("owned-label")!;
  Object.assign(dataset, { code: opens.join(" "), paste: "vault.worker worker" });
  showCode("Sign in", [api.id], signsIn);
}
