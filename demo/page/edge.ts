/**
 * The card “Through a Worker”: two hundred visitors at once, whom the demo's Worker serves in real
 * workerd. What the API's log counts is what the card says.
 */
import { CROWD, type Crowd } from "../app/crowd.ts";
import type { LogEntry, LogReply } from "../backstage/api-log.ts";
import { write } from "./session.ts";

/** How often the log is asked for while they are on their way, milliseconds. */
const PACE = 100;

const button = document.getElementById("edge-go")!;
const dots = document.getElementById("edge-dots")!;
dots.append(...Array.from({ length: CROWD }, () => document.createElement("i")));

async function backstage<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await fetch(`/backstage/edge/${path}`, init);
  if (!response.ok) throw new Error(`The demo's server answered ${response.status}`);
  return (await response.json()) as T;
}
const post = <T>(what: string, kind = ""): Promise<T> =>
  backstage<T>(`${what}?kind=${kind}`, { method: "POST" });
const log = (since: number): Promise<LogReply> => backstage<LogReply>(`log?since=${since}`);

const count = (entries: readonly LogEntry[], kind: LogEntry["kind"], status?: number): number =>
  entries.filter((one) => one.kind === kind && (status ?? one.status) === one.status).length;

/** What the API has seen of them so far. */
function draw(entries: readonly LogEntry[]): { refused: number; refreshes: number } {
  const answered = count(entries, "request", 200);
  const refused = count(entries, "request", 401);
  const refreshes = count(entries, "refresh");
  write("edge-answered", String(answered));
  write("edge-refused", String(refused));
  write("edge-refreshes", String(refreshes));
  [...dots.children].forEach((dot, index) => {
    dot.className = index < answered ? "answered" : index < refused ? "refused" : "";
  });
  return { refused, refreshes };
}

const plural = (many: number, one: string, more: string): string =>
  many === 1 ? `one ${one}` : `${many} ${more}`;

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
  // An account that nobody has signed in yet: the Worker does, for its first visitor.
  const account = crypto.randomUUID();
  draw([]);
  write("edge-took", "–");
  write("edge-status", "The first visitor comes, and the Worker signs in…");
  const first = await post<Crowd>("visitor", account);
  if (first.statuses[200] !== 1) throw new Error(failure(first, 1));

  // From now on the API answers 401 to their token.
  await post("expire");
  const { next } = await log(0);
  write("edge-status", "Two hundred visitors come, and the token has ended…");
  const [crowd, { entries }] = await watch(post<Crowd>("visitors", account), next);
  const { refused, refreshes } = draw(entries);
  const answered = crowd.statuses[200] ?? 0;
  write("edge-took", (crowd.took / 1_000).toFixed(1));
  if (answered !== CROWD) throw new Error(failure(crowd, CROWD));
  return (
    `${answered} visitors were answered. ${refused} of their requests met the ended token, ` +
    `and the API counted ${plural(refreshes, "refresh", "refreshes")} for all.`
  );
}

function failure({ statuses }: Crowd, all: number): string {
  const others = Object.entries(statuses)
    .filter(([status]) => status !== "200")
    .map(([status, many]) => (status === "0" ? `${many} got no reply` : `${many} got ${status}`));
  return `Of ${plural(all, "visitor", "visitors")}, ${others.join(", ")}. Try it again.`;
}

button.addEventListener("click", async () => {
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true";
  write("edge-trouble", "");
  try {
    write("edge-status", await run());
  } catch (error) {
    write("edge-status", "");
    // `fetch` rejects with a TypeError where nobody answers.
    const text = !navigator.onLine
      ? "You are offline: the Worker cannot be reached. Nobody was signed out."
      : error instanceof TypeError
        ? "The demo's server does not answer. Start it again with “npm run demo”."
        : (error as Error).message;
    write("edge-trouble", text);
  }
  button.ariaDisabled = null;
});
