/** The buttons, in their groups, and the panel beside them that shows the code of the one in hand. */
import { type Action, actions, hints } from "../app/actions.ts";
import type { Api } from "../app/apis.ts";
import { colour, region } from "./code.ts";

/** Shows the code of a button, or of anything else that has `data-code`. */
function showCode(title: string, regions: readonly string[]): void {
  const panel = document.getElementById("code")!;
  const text = regions
    .map(region)
    .filter((part) => part !== "")
    .join("\n\n");
  document.getElementById("code-title")!.textContent = title;
  panel.replaceChildren(colour(text));
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
      const title = element.dataset["title"] ?? element.textContent.trim();
      showCode(title, element.dataset["code"]!.split(" "));
    });
  const opens = inWorker ? ["worker", "connect"] : ["create"];
  document.getElementById("sign-in-button")!.dataset["code"] = [api.id, ...opens].join(" ");
  document.getElementById("owned-label")!.dataset["code"] = opens.join(" ");
  showCode("Sign in", [api.id, ...opens]);
}
