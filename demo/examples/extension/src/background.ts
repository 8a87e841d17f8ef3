/** The service worker: it counts things for the badge when a page asks for that. */
import { loadThings } from "./vault.ts";

interface Extension {
  readonly action: { setBadgeText(badge: { text: string }): Promise<void> };
  readonly runtime: {
    readonly onMessage: {
      addListener(
        listener: (message: unknown, from: unknown, reply: (told: unknown) => void) => boolean,
      ): void;
    };
  };
}
const { action, runtime } = (globalThis as unknown as { chrome: Extension }).chrome;

async function count(): Promise<string> {
  const text = String((await loadThings()).length);
  await action.setBadgeText({ text });
  return text;
}

runtime.onMessage.addListener((message, _, reply) => {
  if (message !== "count") return false;
  count().then(reply, (error: Error) => reply(error.message));
  // An answer that is still to come holds the service worker open: so does the refresh within it.
  return true;
});
