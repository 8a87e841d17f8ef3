/** A page's question for a token that a request is about to carry: the worker alone judges (S1). */
import { isVaultError, VaultError } from "../errors.ts";
import { skewOf } from "../grant/lifetime.ts";
import { toWireError } from "../guard/wire-error.ts";
import { systemClock } from "../refresh/clock.ts";
import { endpointOf } from "../request/endpoint.ts";
import type { Policy } from "../request/policy.ts";
import type { Presentation } from "../request/presentation.ts";
import type { AccessToken, Clock, Provider } from "../types.ts";
import type { Account } from "./account.ts";
import { type Need, toNeed } from "./narrow.ts";
import type { Ticket } from "./protocol.ts";

export interface TicketSettings {
  readonly provider: Provider;
  readonly policy: Policy;
  readonly presentation: Presentation;
  readonly clock?: Clock | undefined;
  /** Looks at the page first: answers with `true` where the page gets no token at all. */
  readonly isKept: (client: string | undefined) => Promise<boolean>;
}

export interface TicketQuestion {
  readonly need: unknown;
  readonly signal: AbortSignal;
  /** The page, where a service worker is asked. */
  readonly client: string | undefined;
}

/** Answers with `undefined` where no token may go, or where a 401 is the answer. */
export type GiveTicket = (
  account: Account,
  question: TicketQuestion,
) => Promise<Ticket | undefined>;

/** A page may not have heard yet that somebody else has signed in: its call is not sent as theirs (F103). */
export function checkSession(begunIn: string | undefined, sessionId: string | undefined): void {
  const isAnothers = begunIn !== undefined && sessionId !== undefined && begunIn !== sessionId;
  if (isAnothers) throw new VaultError("session_changed");
}

export function createTickets(settings: TicketSettings): GiveTicket {
  const { policy, clock = systemClock, isKept } = settings;
  const { header, show } = settings.presentation;
  const { renewal } = settings.provider;
  const clockError = toWireError(new VaultError("clock_unknown", undefined, { status: 401 }));

  /** The 401 is the answer where nothing can be renewed, or where the call's patience ends (F51). */
  async function renewed(asked: Promise<AccessToken>): Promise<AccessToken | undefined> {
    try {
      return await asked;
    } catch (error) {
      if (!renewal || (isVaultError(error) && error.code === "refresh_failed")) return undefined;
      throw error;
    }
  }

  function ticketOf(
    token: AccessToken,
    { rejected, date }: Pick<Need, "rejected" | "date">,
  ): Ticket {
    const { sessionId, generation } = token;
    const isUntimed = rejected && renewal?.selfSigned && skewOf(date, clock.now()) === undefined;
    const authorization = show(token);
    return { header, authorization, sessionId, generation, ...(isUntimed && { clockError }) };
  }

  return async (account, { need: asked, signal, client }) => {
    const { url, method, headers, begunIn, ...need } = toNeed(asked);
    if (url === undefined) return undefined;
    // Judged here alone: pages may be of other versions.
    if (!policy(url)) {
      account.tellBare(url);
      return undefined;
    }
    // The page's own header wins (S6).
    if (headers.includes(header)) return undefined;
    if (await isKept(client)) {
      // Its request gets the token of whoever is signed in when it passes.
      if (begunIn !== undefined && account.vault.snapshot().status === "loading")
        await account.engine.look();
      checkSession(begunIn, account.engine.state().session?.sessionId);
      return undefined;
    }
    const salt = need.rejected?.sessionId ?? account.session;
    const endpoint = salt && method ? endpointOf(salt, method, url) : undefined;
    const got = Promise.resolve(
      account.engine.getToken({ ...need, endpoint, isHandedOn: true, signal }),
    );
    const token = await (need.rejected ? renewed(got) : got);
    account.session = token?.sessionId;
    if (token && !need.rejected) checkSession(begunIn, token.sessionId);
    return token && ticketOf(token, need);
  };
}
