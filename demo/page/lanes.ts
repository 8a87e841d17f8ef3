/** The labels beside the picture's lanes: which tab it is, who refreshed, and how to open or close. */
import { OWNER, type TabState } from "../tabs/channel.ts";

export interface Lanes {
  /**
   * Draws the labels, and answers with the numbers of the lanes from top to bottom: the tabs', and
   * below them the worker's, if one runs the vault.
   */
  render(
    tabs: readonly TabState[],
    own: number,
    isOwned: boolean,
    refreshers: ReadonlySet<number>,
  ): number[];
}

const words: Readonly<Record<string, string>> = {
  loading: "loading",
  "signed-out": "signed out",
  "sign-in-required": "must sign in",
  unavailable: "no storage",
};

/** So many lanes are there even when they are empty. */
const LEAST = 5;

export function createLanes(onOpen: () => void, onClose: (tab: number) => void): Lanes {
  const list = document.getElementById("lanes")!;
  let drawn = "";

  function button(text: string, label: string, onClick: () => void): HTMLButtonElement {
    const element = document.createElement("button");
    element.type = "button";
    element.textContent = text;
    element.ariaLabel = label;
    element.title = label;
    element.addEventListener("click", onClick);
    return element;
  }

  function label(tab: number, state: TabState | undefined, own: number, refreshed: boolean): Node {
    const item = document.createElement("li");
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = `Tab ${tab}`;
    const detail = document.createElement("span");
    detail.className = "detail";
    item.append(name, detail);
    if (!state) {
      item.className = "empty";
      detail.textContent = "not open";
      item.append(button("+", "Open a tab", onOpen));
      return item;
    }
    const classes = {
      refreshed,
      offline: state.offline,
      out: state.status !== "signed-in",
    };
    for (const [name, is] of Object.entries(classes)) item.classList.toggle(name, is);
    const kind = tab === own ? "this one" : state.within === undefined ? "tab" : "frame";
    const set = state.generation === undefined ? "" : `, token ${state.generation}`;
    detail.textContent = words[state.status] ?? kind + set;
    if (tab !== own) item.append(button("×", `Close tab ${tab}`, () => onClose(tab)));
    return item;
  }

  function owner(state: TabState | undefined, refreshed: boolean): Node {
    const item = document.createElement("li");
    item.className = "owner";
    item.classList.toggle("refreshed", refreshed);
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = "Worker";
    const detail = document.createElement("span");
    detail.className = "detail";
    const set = state?.generation === undefined ? "" : `, token ${state.generation}`;
    detail.textContent = `one for all${set}`;
    item.append(name, detail);
    return item;
  }

  return {
    render(tabs, own, isOwned, refreshers) {
      const open = new Map(tabs.map((state) => [state.tab, state]));
      const lanes = [...open.keys()];
      for (let tab = 1; lanes.length < LEAST; tab++) if (!open.has(tab)) lanes.push(tab);
      lanes.sort((a, b) => a - b);
      const now = JSON.stringify([tabs, isOwned, [...refreshers]]);
      if (now !== drawn) {
        drawn = now;
        const at = list.contains(document.activeElement)
          ? [...list.querySelectorAll("button")].indexOf(
              document.activeElement as HTMLButtonElement,
            )
          : -1;
        list.replaceChildren(
          ...lanes.map((tab) => label(tab, open.get(tab), own, refreshers.has(tab))),
        );
        if (isOwned) list.append(owner(open.get(own), refreshers.has(OWNER)));
        if (at >= 0) list.querySelectorAll("button")[at]?.focus();
      }
      return isOwned ? [...lanes, OWNER] : lanes;
    },
  };
}
