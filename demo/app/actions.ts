/** What the buttons do. The page shows the lines between the region marks, these very lines, below what an application writes. */
import wretch from "wretch";
import { vaultMiddleware } from "tokenkeep/wretch";
import type { Api } from "./apis.ts";
import type { Demo } from "../tabs/demo.ts";

/** What becomes of it, in a sentence; without one, the picture tells. */
type Run = (demo: Demo, api: Api) => Promise<string | void> | string;

// #region show-me
const showMe: Run = async ({ freshStart, server, send, team }) => {
  // Five tabs, each with a script of its own.
  await freshStart(5);
  // From now on the API answers 401 to their token.
  await server("expire");
  // In each tab, at once: fifty times vault.fetch(url).
  await send(team(), 50);
};
// #endregion

// #region show-static
const showStatic: Run = async ({ freshStart, send, team }) => {
  // Five tabs, each with a script of its own.
  await freshStart(5);
  // In each tab, at once: fifty times vault.fetch(url).
  await send(team(), 50);
};
// #endregion

// #region wretch
const byWretch: Run = async ({ vault, url }) => {
  const api = wretch(url).middlewares([vaultMiddleware(vault)]);
  await api.get().json();
};
// #endregion

// #region expire
const expire: Run = async ({ server }) => {
  // The API answers 401 to the token from now on.
  await server("expire");
  return "The API now refuses the token, and no tab knows. Send something.";
};
// #endregion

// #region revoke
const revoke: Run = async ({ freshStart, server, send, tab }) => {
  await freshStart(1);
  // Ends the token, and what it could be renewed with.
  await server("revoke");
  await send([tab], 1);
};
// #endregion

// #region fault
const meet = async (demo: Demo, kind: string): Promise<void> => {
  const { freshStart, server, send, team } = demo;
  // With one request before: the API has accepted the token.
  await freshStart(1, true);
  // What the next call for a token will meet.
  await server("fault", kind);
  await server("expire");
  // vault.fetch(url), as ever.
  await send(team(), 10);
};
// #endregion

// #region kill
const kill: Run = async ({ freshStart, server, tabs, send, tab, team }) => {
  await freshStart(5);
  // The API will do its part, and keep the reply back.
  await server("hold");
  await server("expire");
  const [first = 0, ...others] = team().filter((one) => one !== tab);
  // Its 401 makes it ask for a refresh …
  const lost = send([first], 1);
  await Promise.race([server("arrived"), lost.catch(() => {})]);
  // … and it is gone before the reply comes.
  tabs.close(first);
  await server("release");
  await Promise.all([lost, send([tab, ...others], 10)]);
};
// #endregion

// #region sign-out
export const signOut: Run = async ({ vault }) => {
  // In all tabs, offline too.
  await vault.signOut();
  return "Signed out, in all tabs.";
};
// #endregion

// #region tab
const openTab: Run = ({ tabs }) => {
  // window.open, and nothing to hand over.
  const isTab = tabs.open();
  return isTab
    ? "Opened, and signed in already: all tabs share one session."
    : "The browser does not let this page open a tab: it is a frame.";
};
// #endregion

// #region five
const five: Run = async ({ tabs }) => {
  // Frames, because a browser opens one tab for each click.
  await tabs.atLeast(5);
  return "Five. The new ones are frames of this page.";
};
// #endregion

/** What the receiver made of a webhook. */
interface Verdict {
  readonly status: number;
  readonly refused?: string;
}

// #region hook
const hook = async ({ server }: Demo, kind: string): Promise<string> => {
  const { status, refused } = (await server("webhook", kind)) as Verdict;
  return refused === undefined
    ? `Verified, and its bytes were read. The receiver answered ${status}.`
    : `Refused: ${refused}. The receiver answered ${status}.`;
};
// #endregion

/** What the buttons of a group stand for, where their labels do not say it. */
export const hints: Readonly<Partial<Record<Action["group"], string>>> = {
  "A refresh is answered":
    "A status, or late: after 2.5 s, or never: the connection dies half-way through the reply.",
};

/** A button. `code` names the regions that are shown as what the demo does. */
export interface Action {
  readonly id: string;
  readonly group:
    | "Hero"
    | "Requests"
    | "The token, at the API"
    | "Tabs"
    | "A refresh is answered"
    | "A webhook comes in";
  readonly label: string;
  readonly code: readonly string[];
  /** The program of `demo/paste` that an application writes; the API's own by default. */
  readonly paste?: string;
  /** Whether it makes a picture of its own: at once, or when `freshStart` is done. */
  readonly picture: "now" | "later" | "none";
  /** Which APIs have it; all by default. */
  readonly when?: (api: Api) => boolean;
  readonly run: Run;
}

const meets = (kind: string, label: string): Action => ({
  id: `fault-${kind}`,
  group: "A refresh is answered",
  label,
  code: ["fault"],
  picture: "later",
  when: ({ calls }) => calls,
  run: (demo) => meet(demo, kind),
});

const comes = (kind: string, label: string): Action => ({
  id: `webhook-${kind}`,
  group: "A webhook comes in",
  label,
  code: ["hook"],
  paste: "webhook",
  picture: "none",
  when: ({ id }) => id === "vmcloud",
  run: (demo) => hook(demo, kind),
});

/** Where nobody is signed in, there is nothing to do it to. */
const ifSignedIn =
  (run: Run): Run =>
  (demo, api) =>
    demo.vault.snapshot().status === "signed-in"
      ? run(demo, api)
      : "Nobody is signed in, so there is no token to end. Sign in first.";

const renews = ({ life }: Api): boolean => life !== undefined;

export const actions: readonly Action[] = [
  {
    id: "show-me",
    group: "Hero",
    label: "Show me",
    code: ["show-me", "fifty"],
    picture: "later",
    when: renews,
    run: showMe,
  },
  {
    id: "show-me",
    group: "Hero",
    label: "Show me",
    code: ["show-static", "fifty"],
    picture: "later",
    when: (api) => !renews(api),
    run: showStatic,
  },
  {
    id: "one",
    group: "Requests",
    label: "Send one",
    code: ["one"],
    picture: "now",
    run: async ({ send, tab }) => void (await send([tab], 1)),
  },
  {
    id: "fifty",
    group: "Requests",
    label: "Fifty at once",
    code: ["fifty"],
    picture: "now",
    run: async ({ send, tab }) => void (await send([tab], 50)),
  },
  {
    id: "everywhere",
    group: "Requests",
    label: "Fifty in every tab",
    code: ["fifty"],
    picture: "now",
    run: async ({ send, team }) => void (await send(team(), 50)),
  },
  {
    id: "wretch",
    group: "Requests",
    label: "One by wretch",
    code: ["wretch"],
    paste: "wretch",
    picture: "now",
    run: byWretch,
  },
  {
    id: "expire",
    group: "The token, at the API",
    label: "Expire now",
    code: ["expire"],
    picture: "none",
    when: renews,
    run: ifSignedIn(expire),
  },
  {
    id: "revoke",
    group: "The token, at the API",
    label: "Revoke it",
    code: ["revoke"],
    picture: "later",
    run: revoke,
  },
  { id: "tab", group: "Tabs", label: "Open another", code: ["tab"], picture: "none", run: openTab },
  { id: "five", group: "Tabs", label: "Make it five", code: ["five"], picture: "none", run: five },
  {
    id: "kill",
    group: "Tabs",
    label: "Close the tab that asked",
    code: ["kill"],
    picture: "later",
    when: ({ calls }) => calls,
    run: kill,
  },
  meets("503", "503"),
  meets("429", "429"),
  meets("slow", "Late"),
  meets("lost", "Never"),
  comes("good", "Good"),
  comes("forged", "Forged"),
];
