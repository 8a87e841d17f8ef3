/**
 * Which session each token was of that `getToken` has given. A token that comes back as rejected is a text
 * alone, and no user's request is to go out again as another's (F103).
 */
import { shortHash } from "../guard/hash.ts";
import type { AccessToken } from "../types.ts";

/** How many tokens are remembered, by a hash. */
const MOST = 64;

export interface HandedOut {
  note(token: AccessToken): void;
  /** Whether it was given for another session than this one. What was given elsewhere nobody knows. */
  isAnothers(accessToken: string, sessionId: string): boolean;
}

export function createHandedOut(): HandedOut {
  const sessions = new Map<string, string>();
  /** Most calls get the same object again. */
  const noted = new WeakSet<AccessToken>();
  return {
    note(token) {
      if (noted.has(token)) return;
      noted.add(token);
      const { accessToken, sessionId } = token;
      if (sessions.size >= MOST) sessions.clear();
      sessions.set(shortHash(accessToken), sessionId);
    },
    isAnothers(accessToken, sessionId) {
      const known = sessions.get(shortHash(accessToken));
      return known !== undefined && known !== sessionId;
    },
  };
}
