/**
 * The picture: one lane for each tab, one for the worker and one for the API, time from left to right. Each request is a
 * thin line, red until its 401, pale while it waits, blue while it is answered; a refresh is a golden
 * bar, and a golden band through all lanes shows who waits for it.
 */
import type { LogEntry } from "../backstage/api-log.ts";
import { type CallTrace, OWNER, type RenewalTrace } from "../tabs/channel.ts";
import type { Scene } from "./history.ts";

/** Heights, as in the style sheet: the labels beside the picture stand on the same lines. */
const LANE = 52;
const GAP = 8;
const API = 44;
const AXIS = 22;
const PAD = 5;
/** The thickest line that a request gets. */
const THICK = 9;
/** The least that a scene is wide, milliseconds. */
const LEAST = 1_200;

type Ink = "refused" | "waiting" | "answered" | "flying" | "failed";
const inks: readonly Ink[] = ["waiting", "flying", "answered", "refused", "failed"];

const actLabels: Readonly<Record<string, string>> = {
  expire: "token expired",
  revoke: "revoked",
  "503": "503 ahead",
  "429": "429 ahead",
  slow: "slow reply ahead",
  lost: "lost reply ahead",
  hold: "reply kept back",
};

/** The whole picture as SVG markup: made of numbers and of fixed words, nothing else. */
export function draw(
  scene: Scene | undefined,
  lanes: readonly number[],
  width: number,
  now: number,
  renewal: string,
): { readonly markup: string; readonly height: number } {
  const apiTop = lanes.length * (LANE + GAP);
  const height = apiTop + API + AXIS;
  const topOf = (tab: number): number => lanes.indexOf(tab) * (LANE + GAP);
  const grounds = lanes.map((tab) => ground(topOf(tab), width, LANE, tab === OWNER ? "owner" : ""));
  grounds.push(ground(apiTop, width, API, "api"));
  if (!scene) return { markup: grounds.join(""), height };

  const end = scene.isLive ? now : scene.end;
  const span = Math.max(LEAST, (end - scene.start) * 1.04);
  const x = (at: number): number =>
    Math.max(0, Math.min(width, ((at - scene.start) / span) * width));

  const parts: string[] = [axis(span, width, apiTop + API)];
  for (const one of scene.renewals)
    if (lanes.includes(one.tab))
      parts.push(band(one, x, scene.gone.get(one.tab) ?? end, apiTop + API));
  for (const tab of lanes) {
    const goneAt = scene.gone.get(tab);
    const calls = scene.calls.filter((call) => call.tab === tab);
    parts.push(lines(calls, x, goneAt ?? end, topOf(tab)));
  }
  for (const one of scene.renewals)
    if (lanes.includes(one.tab))
      parts.push(
        bar(
          one,
          x,
          scene.gone.get(one.tab) ?? end,
          topOf(one.tab),
          width,
          renewal,
          one.end === undefined && scene.gone.has(one.tab),
        ),
      );
  for (const [tab, at] of scene.gone)
    if (lanes.includes(tab)) parts.push(cross(x(at), topOf(tab), width));
  parts.push(apiLane(scene.log, x, apiTop, width));
  return { markup: grounds.join("") + parts.join(""), height };
}

const px = (value: number): string => value.toFixed(1);

const ground = (top: number, width: number, height: number, name = ""): string =>
  `<rect class="ground ${name}" y="${top}" width="${px(width)}" height="${height}" rx="6"/>`;

type Scale = (at: number) => number;

/** One path for each colour: a lane of fifty requests is a handful of elements. */
function lines(calls: readonly CallTrace[], x: Scale, end: number, top: number): string {
  const paths: Record<Ink, string> = {
    refused: "",
    waiting: "",
    answered: "",
    flying: "",
    failed: "",
  };
  const room = LANE - 2 * PAD;
  let thick = THICK;
  for (const call of calls) {
    const pitch = Math.min(THICK + 3, room / call.of);
    thick = Math.min(thick, Math.max(0.9, pitch * 0.8));
    const y = px(top + LANE / 2 + (call.index - (call.of - 1) / 2) * pitch);
    const add = (ink: Ink, from: number, to: number): void => {
      const [a, b] = [x(from), x(to)];
      // What took no time at all is still there to be seen.
      paths[ink] += `M${px(a)} ${y}H${px(Math.max(b, a + 1.2))}`;
    };
    let at = call.start;
    for (const send of call.sends) {
      if (send.start > at) add("waiting", at, send.start);
      at = Math.min(send.end ?? end, end);
      add(inkOf(send.status), send.start, at);
    }
    const until = Math.min(call.end ?? end, end);
    if (until - at > 4) add("waiting", at, until);
    // It waited, and no token came.
    if (call.end !== undefined && call.result?.includes("_")) {
      const tip = x(until);
      paths.failed += `M${px(Math.max(0, tip - 6))} ${y}H${px(tip)}`;
    }
  }
  return inks
    .filter((ink) => paths[ink] !== "")
    .map((ink) => `<path class="${ink}" stroke-width="${px(thick)}" d="${paths[ink]}"/>`)
    .join("");
}

function inkOf(status: number | undefined): Ink {
  if (status === undefined) return "flying";
  if (status === 401) return "refused";
  return status >= 200 && status < 300 ? "answered" : "failed";
}

/** Behind all lanes, for as long as the refresh lasts. */
function band({ start, end }: RenewalTrace, x: Scale, now: number, height: number): string {
  const [a, b] = [x(start), x(end ?? now)];
  return `<rect class="band" x="${px(a)}" width="${px(Math.max(1, b - a))}" height="${height}"/>`;
}

function bar(
  { start, end, outcome, status }: RenewalTrace,
  x: Scale,
  now: number,
  top: number,
  width: number,
  renewal: string,
  died: boolean,
): string {
  const [a, b] = [x(start), x(end ?? now)];
  const wide = Math.max(4, b - a);
  const failed = outcome === "trouble" || outcome === "refused";
  // A tab that went in the middle of it says so itself.
  const word = failed ? `${status ?? "no reply"}` : died ? "" : renewal;
  const inside = wide > word.length * 8 + 14;
  // Beside the bar there may be no room on its right.
  const left = !inside && a + wide + word.length * 8 > width;
  const at = inside ? a + wide / 2 : left ? a - 5 : a + wide + 5;
  const anchor = inside ? "middle" : left ? "end" : "start";
  const name = failed ? "renewal bad" : "renewal";
  return (
    `<rect class="${name}" x="${px(a)}" y="${top + LANE / 2 - 11}" width="${px(wide)}" height="22" rx="5"/>` +
    `<text class="${inside ? "in" : "beside"} ${failed ? "bad" : ""}" x="${px(at)}" y="${top + LANE / 2 + 4.5}" text-anchor="${anchor}">${word}</text>`
  );
}

/** Where a tab went. */
function cross(at: number, top: number, width: number): string {
  const left = at > width - 60;
  const y = top + LANE / 2;
  return (
    `<path class="gone" d="M${px(at - 5)} ${y - 5}l10 10m0-10l-10 10"/>` +
    `<text class="beside" x="${px(at + (left ? -10 : 10))}" y="${y + 4.5}" text-anchor="${left ? "end" : "start"}">closed</text>`
  );
}

/** What the API saw: a tick for each arrival, a bar for each call to its token endpoint. */
function apiLane(log: readonly LogEntry[], x: Scale, top: number, width: number): string {
  const ticks = { answered: "", refused: "", failed: "" };
  const parts: string[] = [];
  /** What was done at nearly the same time shares a line. */
  const acts: { at: number; words: string[] }[] = [];
  for (const { kind, at, took, status, label } of log) {
    if (kind === "request") {
      const ink = inkOf(status) as keyof typeof ticks;
      ticks[ink] += `M${px(x(at))} ${top + 20}v18`;
    } else if (kind === "refresh") {
      const wide = Math.max(4, x(at + took) - x(at));
      const bad = status >= 200 && status < 300 ? "" : "bad";
      parts.push(
        `<rect class="renewal ${bad}" x="${px(x(at))}" y="${top + 18}" width="${px(wide)}" height="22" rx="5"/>`,
      );
    } else if (kind === "act" && actLabels[label]) {
      const last = acts.at(-1);
      if (last && x(at) - last.at < 150) last.words.push(actLabels[label]);
      else acts.push({ at: x(at), words: [actLabels[label]] });
    }
  }
  for (const { at, words } of acts) {
    const far = at > width - 130;
    parts.push(
      `<path class="act" d="M${px(at)} ${top + 3}v${API - 6}"/>`,
      `<text class="note" x="${px(at + (far ? -5 : 5))}" y="${top + 13}" text-anchor="${far ? "end" : "start"}">${words.join(", ")}</text>`,
    );
  }
  const paths = Object.entries(ticks)
    .filter(([, d]) => d !== "")
    .map(([ink, d]) => `<path class="${ink}" stroke-width="1" d="${d}"/>`);
  return paths.join("") + parts.join("");
}

function axis(span: number, width: number, top: number): string {
  const steps = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000];
  const step = steps.find((ms) => (ms / span) * width >= 64) ?? 60_000;
  const parts: string[] = [];
  for (let ms = 0; ms <= span; ms += step) {
    const at = (ms / span) * width;
    const anchor = ms === 0 ? "start" : at > width - 24 ? "end" : "middle";
    parts.push(
      `<path class="tick" d="M${px(at)} 0V${top + 4}"/>`,
      `<text class="axis" x="${px(at)}" y="${top + 17}" text-anchor="${anchor}">${ms / 1_000} s</text>`,
    );
  }
  return parts.join("");
}
