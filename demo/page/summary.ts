/** A scene in words: for the line under the picture, for screen readers, and for readers who want rows. */
import { OWNER } from "../tabs/channel.ts";
import { type Figures, type Scene } from "./history.ts";

const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

const nameOf = (tab: number): string => (tab === OWNER ? "The worker" : `Tab ${tab}`);

/** What a tab left undone that was closed, to follow "was closed"; nothing, if it had nothing to do. */
function leftBy(tab: number, at: number, { calls, renewals }: Scene, renewal: string): string {
  if (renewals.some((one) => one.tab === tab && one.end === undefined))
    return ` in the middle of a ${renewal}`;
  const waited = calls.some((one) => one.tab === tab && one.end === undefined);
  const isOwners = renewals.some(
    ({ tab, start, end = at }) => tab === OWNER && start <= at && at <= end,
  );
  return waited && isOwners ? ` in the middle of the ${renewal} that it had asked for` : "";
}

/**
 * What is going on, while it is. Where a tab has died in the middle of a refresh the others wait for
 * seconds, and say so: otherwise the page would look as if it hung.
 */
export function progressOf(scene: Scene, now: number, isStrict: boolean | undefined): string {
  const waiting = scene.calls.filter(({ tab, end }) => end === undefined && !scene.gone.has(tab));
  const left = [...scene.gone].find(([tab]) =>
    scene.renewals.some((one) => one.tab === tab && one.end === undefined),
  );
  if (!left || waiting.length === 0) return scene.title;
  const [tab, at] = left;
  const seconds = Math.floor((now - at) / 1_000);
  const why = isStrict
    ? "The API may take its refresh token once only, so nobody sends it again while its request may still be on the way"
    : "They look whether it is still alive";
  return `Tab ${tab} was closed in the middle of a refresh. The others wait, ${seconds} s so far. ${why}.`;
}

function refusedOnce(healed: number, requests: number): string {
  if (healed !== requests) return `${healed} ${healed === 1 ? "was" : "were"}`;
  return requests === 1 ? "It was" : "Each was";
}

const codes: Readonly<Record<string, string>> = {
  "no reply": "got no reply, and rejected with fetch's own TypeError",
  sign_in_required: "ended with sign_in_required: only a sign-in helps",
  refresh_failed: "ended with refresh_failed: the session is kept",
  no_session: "ended with no_session: sign in first",
};

/** A few short sentences. `renewal` is what a refresh is called; absent where there is none. */
export function summaryOf(
  scene: Scene,
  { tabs, requests, healed, answered, ends }: Figures,
  renewal: string | undefined,
): string {
  const total = scene.calls.length;
  if (total === 0) return "";
  const done = scene.renewals.filter(({ outcome }) => outcome === "refreshed");
  const bad = scene.renewals.filter(({ outcome }) => outcome === "trouble");
  const isRefused = scene.renewals.some(({ outcome }) => outcome === "refused");
  const all = total === 1 ? "it was" : "all were";
  const parts = [`${plural(tabs, "tab")} sent ${plural(total, "request")}.`];
  for (const [tab, at] of scene.gone)
    parts.push(`Tab ${tab} was closed${leftBy(tab, at, scene, renewal ?? "refresh")}.`);
  if (healed > 0) parts.push(`${refusedOnce(healed, requests)} refused once, with 401.`);
  for (const { tab, status } of bad)
    parts.push(
      `${nameOf(tab)}'s ${renewal} met ${status ?? "no reply"}${isRefused ? "" : ": the session stayed"}.`,
    );
  if (isRefused)
    parts.push(
      bad.some(({ status }) => status === undefined)
        ? `The API refused the next one: it takes a refresh token once, and the new one was in the lost reply.`
        : `The API refused the ${renewal}.`,
    );
  if (done.length > 0)
    parts.push(
      `${nameOf(done[0]!.tab)} made ${done.length === 1 ? "one" : done.length} ${renewal} for all.`,
    );
  if (answered > 0)
    parts.push(answered === total ? `In the end ${all} answered.` : `${answered} were answered.`);
  if (!renewal && answered === total) parts.push("There was nothing to renew.");
  for (const [code, count] of ends)
    if (code !== "200") parts.push(`${count} ${codes[code] ?? `came back with ${code}`}.`);
  if (renewal && ends.has("401"))
    parts.push("The last renewal was a moment ago, so the vault does not make another one yet.");
  return parts.join(" ");
}

/**
 * One row for each tab: its requests, its 401s, its refreshes, its longest wait in milliseconds. The
 * worker, which sends no requests, comes last.
 */
export function rowsOf(scene: Scene): readonly (readonly (string | number)[])[] {
  const tabs = [...new Set([...scene.calls, ...scene.renewals].map(({ tab }) => tab))];
  const place = (tab: number): number => (tab === OWNER ? Infinity : tab);
  return tabs
    .sort((a, b) => place(a) - place(b))
    .map((tab) => {
      const calls = scene.calls.filter((call) => call.tab === tab);
      const refused = calls.filter(({ sends }) => sends.some(({ status }) => status === 401));
      const renewals = scene.renewals.filter(
        (one) => one.tab === tab && one.outcome !== "given up",
      );
      if (tab === OWNER) return ["Worker", "–", "–", renewals.length, "–"];
      const longest = Math.max(0, ...calls.map(({ start, end = scene.end }) => end - start));
      return [`Tab ${tab}`, calls.length, refused.length, renewals.length, `${longest} ms`];
    });
}
