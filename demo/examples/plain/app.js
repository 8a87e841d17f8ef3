/** A page without a build: the browser imports the library's files as they are. */
import { createVault } from "tokenkeep/browser";
import { password } from "tokenkeep/providers/password";

const API = "https://api.example.com";
const vault = createVault({
  provider: password({
    name: "example",
    origins: [API],
    tokenUrl: `${API}/login`,
    refreshUrl: `${API}/refresh`,
    revokeUrl: `${API}/logout`,
  }),
});

const form = document.querySelector("form");
const main = document.querySelector("main");
const list = document.querySelector("ul");
const alert = document.querySelector("[role=alert]");

async function showThings() {
  const response = await vault.fetch(`${API}/things`);
  if (!response.ok) throw new Error(`The API answered ${response.status}.`);
  const items = (await response.json()).map((name) => {
    const item = document.createElement("li");
    item.textContent = name;
    return item;
  });
  list.replaceChildren(...items);
}

/** Runs what a user has asked for, and shows what went wrong. */
async function attempt(task) {
  alert.textContent = "";
  try {
    await task();
  } catch (error) {
    alert.textContent = error.message;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { email, password } = Object.fromEntries(new FormData(form));
  void attempt(() => vault.signIn({ email, password }));
});
main.querySelector("button").addEventListener("click", () => void attempt(() => vault.signOut()));

let shown;
// Also where another tab signs in or out.
vault.subscribe(({ status }) => {
  if (status === shown) return;
  shown = status;
  main.hidden = status !== "signed-in";
  form.hidden = status === "signed-in" || status === "loading";
  list.replaceChildren();
  if (status === "signed-in") void attempt(showThings);
});
