/** What is seen of a scene: the picture, the numbers above it, the sentence and the rows below it. */
import type { Api } from "../app/apis.ts";
import { type Figures, figuresOf, type History, type Scene } from "./history.ts";
import { draw } from "./picture.ts";
import { write } from "./session.ts";
import { progressOf, rowsOf, summaryOf } from "./summary.ts";

export interface Stage {
  /** Draws now, and again and again while something is going on. */
  draw(): void;
  /** A sentence of the demo's own, in place of the scene's. */
  say(text: string): void;
}

/** Milliseconds between two drawings: thirty a second, or five where motion is not wanted. */
const PACE = 33;
const CALM = 200;

/** `lanes` draws the labels and tells which tab is on which lane. */
export function createStage(
  api: Api,
  history: History,
  lanes: (refreshers: ReadonlySet<number>) => readonly number[],
  /** Told once, when a scene is over: how its calls ended. */
  onEnd: (ends: Figures["ends"]) => void,
): Stage {
  const svg = document.getElementById("picture")!;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let drawnAt = 0;
  let frame = 0;
  let told: number | undefined;
  let said = "";

  function show(now: number): Scene | undefined {
    const scene = history.scene(now);
    const refreshers = new Set(
      scene?.renewals.filter(({ outcome }) => outcome === "refreshed").map(({ tab }) => tab),
    );
    const rows = lanes(refreshers);
    const width = svg.clientWidth || 600;
    const { markup, height } = draw(scene, rows, width, now, api.renewal[0]);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    // Numbers and fixed words only: see picture.ts.
    svg.innerHTML = markup;
    return scene;
  }

  function count(scene: Scene): void {
    const figures = figuresOf(scene, api.calls);
    const { requests, healed, refreshes } = figures;
    write("requests", String(requests));
    write("healed", String(healed));
    write("refreshes", String(refreshes));
    write("refreshes-label", refreshes === 1 ? api.renewal[0] : api.renewal[1]);
    if (scene.isLive) return;
    // Told once, when it is over: a live region that follows every number is unbearable.
    const text = summaryOf(scene, figures, api.life && api.renewal[0]);
    write("summary", said || text || scene.title);
    if (told === scene.start) return;
    told = scene.start;
    if (scene.calls.length > 0) onEnd(figures.ends);
    write("picture-text", text);
    const rows = rowsOf(scene).map((cells) => {
      const row = document.createElement("tr");
      row.append(
        ...cells.map((cell, index) => {
          const element = document.createElement(index === 0 ? "th" : "td");
          if (index === 0) element.setAttribute("scope", "row");
          element.textContent = String(cell);
          return element;
        }),
      );
      return row;
    });
    document.getElementById("rows")!.replaceChildren(...rows);
  }

  function tick(): void {
    frame = 0;
    const now = Date.now();
    if (now - drawnAt < (calm.matches ? CALM : PACE)) return stage.draw();
    drawnAt = now;
    const scene = show(now);
    document.body.toggleAttribute("data-scene", scene !== undefined);
    document.getElementById("stage")!.toggleAttribute("data-live", scene?.isLive ?? false);
    if (!scene) return;
    if (scene.isLive) {
      if (scene.start !== told) said = "";
      write("summary", progressOf(scene, now, api.rotates || api.jar));
    }
    count(scene);
    if (scene.isLive) stage.draw();
  }

  const stage: Stage = {
    draw() {
      frame ||= requestAnimationFrame(tick);
    },
    say(text) {
      said = text;
      write("summary", text);
    },
  };
  new ResizeObserver(() => stage.draw()).observe(svg);
  return stage;
}
