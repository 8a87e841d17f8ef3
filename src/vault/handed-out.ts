/**
 * `getToken`: a token as a text, for other clients. A text that comes back as rejected does not say which
 * session it was of, so that this is remembered: no user's request is to go out again as another's (F103).
 */
import { VaultError } from "../errors.ts";
import { shortHash } from "../guard/hash.ts";
import { own } from "../guard/json.ts";
import { createRecent } from "../guard/recent.ts";
import type { Engine } from "../refresh/contract.ts";
import type { AccessToken, Clock } from "../types.ts";
import type { Vault } from "./contract.ts";

/** How many tokens are remembered, by a hash. */
const MOST = 64;

interface HandedOut {
  note(token: AccessToken): void;
  /** Whether it was given for another session than this one. What was given elsewhere nobody knows. */
  isAnothers(accessToken: string, sessionId: string): boolean;
}

function createHandedOut(): HandedOut {
  const sessions = createRecent<string>(MOST);
  /** Most calls get the same object again. */
  const noted = new WeakSet<AccessToken>();
  return {
    note(token) {
      if (noted.has(token)) return;
      noted.add(token);
      const { accessToken, sessionId } = token;
      sessions.set(shortHash(accessToken), sessionId);
    },
    isAnothers(accessToken, sessionId) {
      const known = sessions.peek(shortHash(accessToken));
      return known !== undefined && known !== sessionId;
    },
  };
}

export function createGetToken(engine: Engine, clock: Clock): Vault["getToken"] {
  const handedOut = createHandedOut();
  /** Other clients do not report which endpoints let their token through. */
  const isHandedOn = true;

  return async (options) => {
    const { rejected, signal } = own({ ...options });
    const since = clock.running();
    const held = await engine.getToken({ signal, isHandedOn });
    const isRejected = held.accessToken === rejected;
    const waited = clock.running() - since;
    const got = isRejected
      ? await engine.getToken({ rejected: held, waited, signal, isHandedOn })
      : held;
    const isCrossed = rejected !== undefined && handedOut.isAnothers(rejected, got.sessionId);
    if (isCrossed || got.sessionId !== held.sessionId) throw new VaultError("session_changed");
    handedOut.note(got);
    return got.accessToken;
  };
}
