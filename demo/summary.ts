/** A scene in words: for the line under the picture, for screen readers, and for whoever wants rows. */
import { type Figures, type Scene } from "./history.ts";

const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

const codes: Readonly<Record<string, string>> = {
  "401": "came back with 401",
  "403": "came back with 403",
  "429": "came back with 429",
  "503": "came back with 503",
  "no reply": "got no reply, as fetch would have it",
  sign_in_required: "ended with sign_in_required: only a sign-in helps",
  refresh_failed: "ended with refresh_failed: the session is kept",
  no_session: "ended with no_session: nobody is signed in",
};

/** Two or three sentences. */
export function summaryOf(
  scene: Scene,
  { tabs, requests, healed, refreshes, answered, ends }: Figures,
  [one, many]: readonly [string, string],
): string {
  const who = scene.renewals.find(({ outcome }) => outcome === "refreshed")?.tab;
  const failed = scene.renewals.filter(({ outcome }) => outcome === "trouble").length;
  const total = scene.calls.length;
  const seconds = ((scene.end - scene.start) / 1_000).toFixed(1);
  const parts: string[] = [];
  if (total > 0)
    parts.push(
      `${plural(tabs, "tab")} sent ${plural(total, "request")}; ${answered === total ? (total === 1 ? "it was" : "all were") : `${answered} were`} answered.`,
    );
  if (healed > 0)
    parts.push(
      `${healed === requests && healed > 1 ? "Each" : `${healed}`} had been refused once with 401 and was healed.`,
    );
  if (failed > 0) parts.push(`${plural(failed, `${one} attempt`)} went wrong, and the session stayed.`);
  if (refreshes > 0 && who !== undefined)
    parts.push(`Tab ${who} made the ${plural(refreshes, one, many)} for all.`);
  for (const [code, count] of ends) {
    if (code === "200") continue;
    parts.push(`${count} ${codes[code] ?? `came back with ${code}`}.`);
  }
  for (const tab of scene.gone.keys()) parts.push(`Tab ${tab} was closed on the way.`);
  if (parts.length > 0) parts.push(`${seconds} s.`);
  return parts.join(" ");
}

/** One row for each tab: its requests, its 401s, its refreshes, its longest wait in milliseconds. */
export function rowsOf(scene: Scene): readonly (readonly [string, number, number, number, string])[] {
  const tabs = [...new Set([...scene.calls, ...scene.renewals].map(({ tab }) => tab))];
  return tabs
    .sort((a, b) => a - b)
    .map((tab) => {
      const calls = scene.calls.filter((call) => call.tab === tab);
      const refused = calls.filter(({ sends }) => sends.some(({ status }) => status === 401));
      const renewals = scene.renewals.filter((one) => one.tab === tab && one.outcome !== "given up");
      const longest = Math.max(0, ...calls.map(({ start, end = scene.end }) => end - start));
      return [`Tab ${tab}`, calls.length, refused.length, renewals.length, `${longest} ms`] as const;
    });
}
