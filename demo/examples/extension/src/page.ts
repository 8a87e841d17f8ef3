/** The popup and the extension's page: a sign-in form, or the list. */
import { loadThings, vault } from "./vault.ts";

interface Extension {
  readonly runtime: { sendMessage(message: unknown): Promise<unknown> };
}
const { runtime } = (globalThis as unknown as { chrome: Extension }).chrome;

function find<Name extends keyof HTMLElementTagNameMap>(name: Name): HTMLElementTagNameMap[Name] {
  const element = document.querySelector(name);
  if (!element) throw new Error(`This page has no ${name}.`);
  return element;
}
const [form, main, list, problem] = [find("form"), find("main"), find("ul"), find("p")];

async function attempt(task: () => Promise<unknown>): Promise<void> {
  problem.textContent = "";
  try {
    await task();
  } catch (error) {
    problem.textContent = error instanceof Error ? error.message : String(error);
  }
}

async function showThings(): Promise<void> {
  const items = (await loadThings()).map((name) => {
    const item = document.createElement("li");
    item.textContent = name;
    return item;
  });
  list.replaceChildren(...items);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  const [email, password] = [String(fields.get("email")), String(fields.get("password"))];
  void attempt(() => vault.signIn({ email, password }));
});
find("main")
  .querySelector("button")
  ?.addEventListener("click", () => void attempt(() => vault.signOut()));

let shown: string | undefined;
// Also where the popup, the page or the service worker signs in or out.
vault.subscribe(({ status }) => {
  if (status === shown) return;
  shown = status;
  main.hidden = status !== "signed-in";
  form.hidden = status === "signed-in" || status === "loading";
  list.replaceChildren();
  if (status === "signed-in")
    void attempt(() => Promise.all([showThings(), runtime.sendMessage("count")]));
});
