/** What the buttons do. The page shows the lines between the region marks: these very lines. */
import type { Api } from "./apis.ts";
import type { Demo } from "./demo.ts";

const FIVE = 5;

// #region show-me
export async function showMe(demo: Demo, api: Api): Promise<void> {
  await demo.freshStart();
  await demo.tabs.atLeast(FIVE); // each with a script and a vault of its own
  if (api.life) await demo.server("expire"); // now the API answers 401 to the token
  await demo.send(demo.team(), 50); // in each tab: fifty times vault.fetch(url)
}
// #endregion

// #region expire
export async function expire({ server }: Demo): Promise<string> {
  await server("expire");
  return "The API now refuses the token, and no tab knows. Send something.";
}
// #endregion

// #region revoke
export async function revoke({ server, send, tab }: Demo): Promise<void> {
  await server("revoke");
  await send([tab], 1); // 401, and nothing that could be renewed
}
// #endregion

// #region fault
export async function fault(demo: Demo, kind: string): Promise<void> {
  await demo.freshStart();
  await demo.server("fault", kind); // what the next call for a token will meet
  await demo.server("expire");
  await demo.send(demo.team(), 10); // no other code than without a fault
}
// #endregion

// #region kill
export async function kill(demo: Demo): Promise<void> {
  await demo.freshStart();
  await demo.tabs.atLeast(FIVE);
  await demo.server("fault", "slow"); // the reply takes its time
  await demo.server("expire");
  const [first = 0, ...others] = demo.team().filter((tab) => tab !== demo.tab);
  void demo.send([first], 1); // its 401 makes it refresh
  demo.tabs.close(await demo.refreshing()); // gone, with the reply on its way
  await demo.send(others, 10);
}
// #endregion

// #region sign-out
export async function signOut({ vault }: Demo): Promise<string> {
  await vault.signOut(); // ends the session in all tabs
  return "Signed out, in all tabs.";
}
// #endregion

// #region tab
export function openTab({ tabs }: Demo): string {
  return tabs.open() // window.open: the session is there already
    ? "Opened. It is signed in: the tabs share one session."
    : "The browser does not let the page open tabs, so this one is a frame inside the page.";
}
// #endregion

// #region events
export function watch({ vault }: Demo, log: (line: string) => void): () => void {
  return vault.events(({ type, generation, status }) => {
    log([type, generation, status].filter(Boolean).join(" "));
  });
}
// #endregion

/** A button. `code` names the regions that are shown beside it. */
export interface Action {
  readonly id: string;
  readonly group: "Requests" | "Token" | "Tabs" | "The next refresh meets";
  readonly label: string;
  readonly code: readonly string[];
  /** Whether it makes a scene of its own: a new picture. */
  readonly scene: boolean;
  /** Which APIs have it; all by default. */
  readonly when?: (api: Api) => boolean;
  run(demo: Demo, api: Api): Promise<string | void> | string;
}

const renews = ({ life }: Api): boolean => life !== undefined;
const calls = ({ renewal: [, many], life }: Api): boolean =>
  life !== undefined && many !== "signatures";

const meets = (kind: string, label: string): Action => ({
  id: `fault-${kind}`,
  group: "The next refresh meets",
  label,
  code: ["fault", "events"],
  scene: true,
  when: calls,
  run: (demo) => fault(demo, kind),
});

export const actions: readonly Action[] = [
  {
    id: "one",
    group: "Requests",
    label: "One",
    code: ["one"],
    scene: true,
    run: async ({ send, tab }) => void (await send([tab], 1)),
  },
  {
    id: "fifty",
    group: "Requests",
    label: "Fifty at once",
    code: ["fifty"],
    scene: true,
    run: async ({ send, tab }) => void (await send([tab], 50)),
  },
  {
    id: "everywhere",
    group: "Requests",
    label: "Fifty in every tab",
    code: ["fifty"],
    scene: true,
    run: async ({ send, team }) => void (await send(team(), 50)),
  },
  {
    id: "expire",
    group: "Token",
    label: "Expire now",
    code: ["expire"],
    scene: false,
    when: renews,
    run: expire,
  },
  {
    id: "revoke",
    group: "Token",
    label: "Revoke on the server",
    code: ["revoke"],
    scene: true,
    run: revoke,
  },
  { id: "tab", group: "Tabs", label: "Open another", code: ["tab"], scene: false, run: openTab },
  {
    id: "five",
    group: "Tabs",
    label: "Make it five",
    code: ["tab"],
    scene: false,
    async run({ tabs }) {
      await tabs.atLeast(FIVE);
      return "Five, the new ones as frames of this page: browsers allow one new tab for each click.";
    },
  },
  {
    id: "kill",
    group: "Tabs",
    label: "Close the one that refreshes",
    code: ["kill"],
    scene: true,
    when: calls,
    run: kill,
  },
  meets("503", "503"),
  meets("429", "429, retry after 1 s"),
  meets("slow", "A slow reply"),
  meets("lost", "A lost reply"),
];
