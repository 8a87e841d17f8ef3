/** The token's life as a ring: what is left of it, its soft and its hard mark, and a countdown. */
import type { Snapshot } from "tokenkeep/browser";

const SIZE = 200;
const RADIUS = 78;
const MIDDLE = SIZE / 2;

export interface Ring {
  /** Several times a second. */
  tick(snapshot: Snapshot, now: number): void;
}

/** A point of the ring: 0 and 1 are at the top, and time goes clockwise. */
const point = (share: number, radius: number): string => {
  const angle = 2 * Math.PI * share - Math.PI / 2;
  return `${(MIDDLE + radius * Math.cos(angle)).toFixed(2)} ${(MIDDLE + radius * Math.sin(angle)).toFixed(2)}`;
};

/** From `from` to `to`, clockwise. */
function arc(from: number, to: number): string {
  const share = Math.min(0.9999, to - from);
  if (share <= 0.0005) return "";
  return `M${point(from, RADIUS)}A${RADIUS} ${RADIUS} 0 ${share > 0.5 ? 1 : 0} 1 ${point(from + share, RADIUS)}`;
}

/** `life` is how long such a token really lives, in words; absent where it has no known end. */
export function createRing(life: string | undefined): Ring {
  const part = (name: string): Element => document.querySelector(`#ring .${name}`)!;
  const meter = document.getElementById("ring")!;
  let written = "";
  let shown: number | undefined;

  const write = (name: string, text: string): void => {
    const element = document.getElementById(name)!;
    if (element.textContent !== text) element.textContent = text;
  };

  /** A token that nothing renews: its end, if it tells one, is far away. */
  function still(expiresAt: number | undefined, now: number): void {
    meter.dataset["phase"] = "still";
    const days = Math.ceil(((expiresAt ?? now) - now) / 86_400_000);
    write("left", expiresAt === undefined ? "∞" : String(days));
    write("unit", expiresAt === undefined ? "no known end" : "days left");
    const end =
      expiresAt === undefined ? "until it is revoked" : "until then, or until it is revoked";
    write("pace", `Static: good ${end}. Nothing to renew.`);
    const text = expiresAt === undefined ? "no known end" : `${days} days left`;
    meter.setAttribute("aria-valuetext", `A static token, ${text}`);
  }

  return {
    tick({ status, issuedAt, refreshAt, expiresAt, generation }, now) {
      if (status !== "signed-in" || issuedAt === undefined) return;
      if (life === undefined || expiresAt === undefined) return still(expiresAt, now);
      const whole = expiresAt - issuedAt;
      const share = (at: number): number => Math.min(1, Math.max(0, (at - issuedAt) / whole));
      // As the protocol has it: callers wait from a tenth of the life, at most 30 s, before its end.
      const hardAt = expiresAt - Math.min(30_000, whole / 10);
      const softAt = refreshAt ?? expiresAt;
      const phase = now < softAt ? "fresh" : now < hardAt ? "soft" : "hard";
      meter.dataset["phase"] = now < expiresAt ? phase : "ended";
      part("rest").setAttribute("d", arc(share(now), 1));
      const marks = [softAt, hardAt]
        .map((at) => `M${point(share(at), RADIUS - 12)}L${point(share(at), RADIUS + 12)}`)
        .join("");
      if (marks !== written) {
        written = marks;
        part("marks").setAttribute("d", marks);
        for (const [name, at] of [
          ["soft", softAt],
          ["hard", hardAt],
        ] as const) {
          const [x = "", y = ""] = point(share(at), RADIUS + 17).split(" ");
          part(name).setAttribute("x", x);
          part(name).setAttribute("y", String(Number(y) + 4));
          part(name).setAttribute("text-anchor", share(at) > 0.5 ? "end" : "start");
        }
      }
      if (shown !== generation) {
        shown = generation;
        // Starts the animation anew.
        meter.classList.remove("renewed");
        void meter.clientWidth;
        meter.classList.add("renewed");
      }
      const left = Math.max(0, expiresAt - now) / 1_000;
      write("left", left.toFixed(left < 10 ? 1 : 0));
      write("unit", left > 0 ? "s left" : "ended");
      write("pace", `${life} shown as ${Math.round(whole / 1_000)} s.`);
      meter.setAttribute("aria-valuemax", String(Math.round(whole / 1_000)));
      meter.setAttribute("aria-valuenow", String(Math.round(left)));
      const word = { fresh: "fresh", soft: "being renewed", hard: "requests wait" }[phase];
      meter.setAttribute("aria-valuetext", `${Math.round(left)} seconds left, ${word}`);
    },
  };
}
