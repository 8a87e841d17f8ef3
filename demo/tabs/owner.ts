/**
 * What the demo adds to the vault in the worker: leave to use http on this machine, and word of the
 * switch "Offline", which a tab sets for itself and so for its owner.
 */
import { joinChannel } from "./channel.ts";

const offline = new Set<number>();

function isOnline(): boolean {
  return navigator.onLine && offline.size === 0;
}

const line = joinChannel((news) => {
  const before = offline.size;
  if (news.type === "bye") offline.delete(news.tab);
  else if (news.type === "here" && news.state.offline) offline.add(news.state.tab);
  else if (news.type === "here") offline.delete(news.state.tab);
  // As a browser tells a worker; the vault looks again.
  if (before > 0 && isOnline()) dispatchEvent(new Event("online"));
});
line.post({ type: "who" });

export const setup = {
  online: isOnline,
  /** What a browser says without a network; for a sign-in, which does not ask first. */
  fetch: (input: RequestInfo | URL, init?: RequestInit): Promise<Response> =>
    isOnline() ? fetch(input, init) : Promise.reject(new TypeError("Failed to fetch")),
  // The API is on this machine; an https API needs no such thing.
  dangerouslyAllowLoopbackHttp: true,
} as const;
