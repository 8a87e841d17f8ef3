/** How the application begins and ends sessions: by sign-in, adoption and sign-out. */
import { isVaultError, VaultError, type VaultErrorCode } from "../errors.ts";
import { adoptable } from "../grant/adoptable.ts";
import { own } from "../guard/json.ts";
import { randomId } from "../guard/random.ts";
import type { Grant, Outcome, Provider, Session } from "../types.ts";
import type { Adoption } from "./contract.ts";
import type { Exchanges } from "./exchange.ts";
import type { Mind } from "./mind.ts";
import type { Revoke } from "./revoking.ts";
import type { DatedGrant } from "./transitions.ts";
import type { Writer } from "./writer.ts";

export interface Sessions {
  /** `earlier`: it yields to what was begun or ended since then. */
  signIn(credentials: unknown, signal?: AbortSignal, earlier?: Adoption): Promise<void>;
  adopt(tokens: Grant, adoption: Adoption | undefined): Promise<void>;
  /** `untilRevoked`: it also waits for the server's answer to the revocation, for some seconds. */
  signOut(untilRevoked?: boolean): Promise<void>;
}

export interface SessionsParts {
  readonly provider: Provider;
  readonly mind: Mind;
  readonly writer: Writer;
  readonly exchanges: Exchanges;
  readonly now: () => number;
  readonly announce: (session: Session) => void;
  /** Peers have heard of this session's end with its record. */
  readonly isEndTold: (session: Session) => boolean;
  readonly revoke: Revoke;
  /** Resolves when all revocations have been answered. */
  readonly revoked: () => Promise<unknown>;
  /** Waits as long as a page that is left may. */
  readonly briefly: (work: Promise<unknown>) => Promise<unknown>;
  readonly error: (code: VaultErrorCode) => unknown;
}

/** The error of a failed sign-in. */
function refusalOf(outcome: Outcome): unknown {
  const { status } = outcome;
  if (outcome.type !== "trouble")
    return new VaultError("credentials_refused", undefined, { status });
  const { error, retryAfter, reason } = outcome;
  // A provider's typed error says what is wrong with the credentials; any other failure is trouble.
  if (isVaultError(error) && error.code !== "sign_in_failed") return error;
  return new VaultError("sign_in_failed", undefined, { status, retryAfter, reason });
}

export function createSessions(parts: SessionsParts): Sessions {
  const { provider, mind, writer, exchanges, announce, revoke } = parts;
  /** How often this account was signed out here. */
  let signOuts = 0;

  /** A sign-out came in between. */
  function giveUp(got: DatedGrant): never {
    void revoke(got.tokenSet);
    throw parts.error("closed");
  }

  /** Notes a session that begins; a session that still waited to be written is served no more. */
  function begin(session: Session, adoption: Adoption | undefined): void {
    const { now, running } = mind.moment();
    const earlier = mind.known.changes.find((change) => change.type === "begin");
    mind.learn({
      type: "changed",
      change: {
        type: "begin",
        session,
        basis: adoption ? undefined : mind.known.found.head,
        madeAt: running - Math.max(0, now - session.startedAt),
        isFailed: false,
        isAskedAgain: adoption !== undefined,
        mayBeWritten: false,
      },
    });
    if (earlier) void revoke(earlier.session.tokenSet);
  }

  async function start(got: DatedGrant, since: number, adoption?: Adoption): Promise<void> {
    const sessionId = adoption?.sessionId ?? randomId();
    const startedAt = adoption?.startedAt ?? mind.moment().now;
    const first = { generation: 1, revision: 1, attempt: 0 };
    const session: Session = own({ ...got, sessionId, startedAt, ...first });
    if (since !== signOuts) return giveUp(got);
    begin(session, adoption);
    await writer.persist();
    if (mind.known.ended.has(sessionId)) return giveUp(got);
    announce(session);
    mind.learn({ type: "started", sessionId });
  }

  /** Notes the end of all known sessions. */
  function end(): void {
    const { session, met, changes, found, setting } = mind.known;
    const waiting = changes.find((change) => change.type === "begin");
    // Without compare-and-set no look tells that a failed write is not still on its way.
    const mayBeWritten = waiting?.mayBeWritten || (waiting?.isFailed && !setting.store.atomic);
    const mayArrive = mayBeWritten ? waiting.session.sessionId : undefined;
    const sessionIds = new Set(met);
    if (session) sessionIds.add(session.sessionId);
    if (found.session) sessionIds.add(found.session.sessionId);
    const unseen = setting.store.atomic ? undefined : randomId();
    mind.learn({
      type: "changed",
      change: { type: "end", sessionIds, at: mind.moment(), mayArrive, unseen, isFailed: false },
    });
    // What their last exchanges have brought is not written any more.
    for (const change of changes) {
      const got = change.type === "conclude" ? change.conclusion.got : undefined;
      if (got) void revoke(got.tokenSet, { isSignedOut: true });
    }
  }

  return {
    async signIn(credentials, signal, earlier) {
      const since = signOuts;
      const { outcome, got } = await exchanges.run(
        async (io) => provider.signIn?.(credentials, io),
        { signal, late: ({ got }) => got && revoke(got.tokenSet) },
      );
      if (signal?.aborted && got) void revoke(got.tokenSet);
      signal?.throwIfAborted();
      if (got) return start(got, since, earlier);
      throw refusalOf(outcome);
    },
    async adopt(tokens, adoption) {
      // The same adoption once more, because its answer was lost: it was begun here already (F101).
      if (adoption && mind.known.met.has(adoption.sessionId)) return writer.persist();
      const got = exchanges.life({ ...adoptable(tokens), aged: true }, parts.now());
      return start(got, signOuts, adoption);
    },
    async signOut(untilRevoked) {
      signOuts += 1;
      const { session } = mind.known;
      end();
      await writer.persist();
      // The record's session was told with the record; a session in memory alone was not.
      if (session && !parts.isEndTold(session)) announce(session);
      if (session) void revoke(session.tokenSet, { isSignedOut: true });
      // The write may have ended a session that memory had not seen.
      if (untilRevoked) await parts.briefly(parts.revoked());
      // A sign-in behind it may still wait for its store: that one tells so itself.
      if (mind.known.changes.some(({ type }) => type === "end"))
        throw parts.error("store_unavailable");
    },
  };
}
