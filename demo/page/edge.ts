/**
 * The card “Through a Cloudflare Worker”: two hundred visitors at once, whom the demo's Worker serves in real
 * workerd, with the API that the page is about. What that API's log counts is what the card says.
 */
import { apiOf } from "../app/apis.ts";
import { CROWD, type Crowd } from "../app/crowd.ts";
import type { LogEntry, LogReply } from "../backstage/api-log.ts";
import { colour, region } from "./code.ts";
import { write } from "./session.ts";

/** How often the log is asked for while they are on their way, milliseconds. */
const PACE = 100;
const OFFLINE = "You are offline: the Worker cannot be reached. Nobody was signed out.";

const api = apiOf(new URL(location.href).searchParams.get("api"));
/** Nothing renews its token: what the API says of it reaches the visitors. */
const isStatic = api.life === undefined;
const isSigned = !isStatic && !api.calls;
/** What is counted: the API does not see that something is signed, only what comes of it. */
const [one, many] = isSigned ? ["new JWT", "new JWTs"] : api.renewal;

const button = document.getElementById("edge-go")!;
const dots = document.getElementById("edge-dots")!;

/** What the card is about, before anything has happened. */
function introduce(): void {
  const isShown = !api.jar && !api.login;
  for (const [id, isThere] of [
    ["none", api.jar],
    ["login", api.login],
    ["some", isShown],
    ["lines", isShown],
  ] as const)
    document.getElementById(`edge-${id}`)!.hidden = !isThere;
  if (!isShown) return;
  // A phone's visitor would scroll past it for a long time.
  (document.getElementById("edge-lines") as HTMLDetailsElement).open =
    matchMedia("(width >= 60rem)").matches;
  dots.append(...Array.from({ length: CROWD }, () => document.createElement("i")));
  const lines = [`edge-${api.id}`, "edge"].map(region).join("\n\n");
  document.getElementById("edge-code")!.replaceChildren(colour(lines));
  write("edge-api", api.name.split(" ")[0]!);
  write("edge-renewals-label", many);
  write(
    "edge-legend-refused",
    isStatic ? "a visitor who got the API's own 401" : "a visitor whose 401 is being healed",
  );
  write(
    "edge-about",
    isStatic
      ? "Nothing renews its token: once the API refuses it, each of two hundred visitors gets the API's own 401, and each request is sent once."
      : `When two hundred of them meet an ended token, one ${api.renewal[0]} serves all.` +
          (isSigned
            ? " It asks nothing of the API, which counts the JWTs that are new to it."
            : ""),
  );
}

async function backstage<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await fetch(`./backstage/edge-${api.id}/${path}`, init);
  if (!response.ok) throw new Error(`The demo's server answered ${response.status}`);
  return (await response.json()) as T;
}
const post = <T>(what: string, kind = ""): Promise<T> =>
  backstage<T>(`${what}?kind=${kind}`, { method: "POST" });
const log = (since: number): Promise<LogReply> => backstage<LogReply>(`log?since=${since}`);

/** What the API has seen of them so far. */
function draw(entries: readonly LogEntry[]): { refused: number; renewals: number } {
  const count = (is: (entry: LogEntry) => boolean): number => entries.filter(is).length;
  const answered = count(({ kind, status }) => kind === "request" && status === 200);
  const refused = count(({ kind, status }) => kind === "request" && status === 401);
  const renewals = count(({ kind, isNew }) => (isSigned ? isNew : kind === "refresh"));
  write("edge-answered", String(answered));
  write("edge-refused", String(refused));
  write("edge-renewals", String(renewals));
  write("edge-renewals-label", renewals === 1 ? one : many);
  [...dots.children].forEach((dot, index) => {
    dot.className = index < answered ? "answered" : index < refused ? "refused" : "";
  });
  return { refused, renewals };
}

/** Draws what the log tells, until `work` is done; resolves with it and the whole log. */
async function watch<T>(work: Promise<T>, since: number): Promise<readonly [T, LogReply]> {
  let over = false;
  const end = (): void => void (over = true);
  work.then(end, end);
  while (!over) {
    draw((await log(since)).entries);
    await Promise.race([new Promise((resolve) => setTimeout(resolve, PACE)), work]);
  }
  return [await work, await log(since)];
}

async function run(): Promise<string> {
  draw([]);
  write("edge-took", "–");
  if (isOffline()) throw new Error(OFFLINE);
  // An account that nobody has signed in yet: the Worker does, for its first visitor.
  const account = crypto.randomUUID();
  write("edge-status", "The first visitor comes, and the Worker signs in…");
  const first = await post<Crowd>("visitor", account);
  if (first.statuses[200] !== 1) throw new Error(`The first visitor ${endsOf(first, 200)}`);

  // From now on the API answers 401 to their token.
  await post("expire");
  const { next } = await log(0);
  const what = isStatic ? "is refused from now on" : "has ended";
  write("edge-status", `Two hundred visitors come, and the token ${what}…`);
  const [crowd, { entries }] = await watch(post<Crowd>("visitors", account), next);
  const { refused, renewals } = draw(entries);
  write("edge-took", (crowd.took / 1_000).toFixed(1));
  const wanted = isStatic ? 401 : 200;
  if (crowd.statuses[wanted] !== CROWD)
    throw new Error(`Of ${CROWD} visitors, ${endsOf(crowd, wanted)}`);
  const renewed = renewals === 1 ? `one ${one}` : `${renewals} ${many}`;
  return isStatic
    ? `${CROWD} visitors got the API's own 401, and the API counted ${refused}` +
        `${refused === CROWD ? ": nothing was sent twice" : ""}. ` +
        "Only another token helps, in the Worker's secrets."
    : `${CROWD} visitors were answered. ${refused} of their requests met the ended token, ` +
        `and the API counted ${renewed} for all.`;
}

/** What became of those who did not get what they should have. */
function endsOf({ statuses }: Crowd, wanted: number): string {
  const all = Object.entries(statuses);
  const isOne = all.length === 1 && all[0]![1] === 1;
  const ends = all
    .filter(([status]) => Number(status) !== wanted)
    .map(
      ([status, times]) => `${isOne ? "" : `${times} `}got ${status === "0" ? "no reply" : status}`,
    );
  const why = "502" in statuses ? " With 502 the Worker says that its API has failed it." : "";
  return `${ends.join(", ")}.${why} Try it again.`;
}

/** By the browser, or by the page's own switch. */
function isOffline(): boolean {
  return !navigator.onLine || document.body.hasAttribute("data-offline");
}

function sentence(error: unknown): string {
  if (isOffline()) return OFFLINE;
  // `fetch` rejects with a TypeError where nobody answers.
  if (error instanceof TypeError)
    return "The demo's server does not answer. Start it again with “npm run demo”.";
  return (error as Error).message;
}

button.addEventListener("click", async () => {
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true";
  write("edge-trouble", "");
  try {
    write("edge-status", await run());
  } catch (error) {
    write("edge-status", "");
    write("edge-trouble", sentence(error));
  }
  button.ariaDisabled = null;
});
// “You are offline” is not true any more.
addEventListener("online", () => write("edge-trouble", ""));
introduce();
