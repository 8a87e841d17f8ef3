/** On the site: starts the service worker that has the APIs, and asks it where they are. */
import type { Whereabouts } from "../backstage/server.ts";

export async function startApis(): Promise<Record<string, Whereabouts>> {
  const { serviceWorker } = navigator;
  // Over http, and in some private windows, there is none.
  if (!serviceWorker) throw new Error("This window has no service worker, which has the APIs here");
  await serviceWorker.register("./service-worker.js", { type: "module" });
  const { active } = await serviceWorker.ready;
  if (!serviceWorker.controller) {
    const claimed = new Promise((resolve) =>
      serviceWorker.addEventListener("controllerchange", resolve, { once: true }),
    );
    active?.postMessage("claim");
    await claimed;
  }
  const reply = await fetch("./backstage/apis");
  return (await reply.json()) as Record<string, Whereabouts>;
}
