/** The events of a piece of news: the difference between the knowledge before and after it. */
import { own } from "../guard/json.ts";
import type { TokenName } from "../types.ts";
import type { EngineEventType } from "./contract.ts";
import { isPersisted, type Knowledge, type News } from "./knowledge.ts";

/** Something that happened, as the vault tells it. */
export interface Happening {
  readonly type: EngineEventType;
  readonly session: TokenName | undefined;
  readonly status?: number | undefined;
}

export function happenings(before: Knowledge, news: News, after: Knowledge): Happening[] {
  const { session } = after;
  const all: (Happening | undefined)[] = [
    storeHappening(before, news, after),
    news.type === "refreshing" ? { type: "refreshing", session } : undefined,
    news.type === "ended" && news.outcome === "trouble" && session?.sessionId === news.sessionId
      ? { type: "trouble", session, status: news.status }
      : undefined,
    sessionHappening(before, after),
    endedUnseen(before, news),
    // A sign-in that has yielded to another one, or to a sign-out, has signed nobody in.
    news.type === "started" && session?.sessionId === news.sessionId
      ? { type: "signed-in", session }
      : undefined,
    isTold(after, session) && !isTold(before, session)
      ? { type: "refused", session, status: refusalOf(after).status }
      : undefined,
  ];
  // Own members alone: an event is what has happened (S15).
  return all.filter((one) => one !== undefined).map((one) => own(one));
}

const isTold = ({ told }: Knowledge, session: TokenName | undefined): boolean =>
  session !== undefined && told.has(session.sessionId);

/** What this context has heard itself of a refusal. */
export const refusalOf = ({
  outcome,
  session,
}: Pick<Knowledge, "outcome" | "session">): Partial<NonNullable<Knowledge["outcome"]>> =>
  outcome?.type === "refused" && outcome.sessionId === session?.sessionId ? outcome : {};

function storeHappening(before: Knowledge, news: News, after: Knowledge): Happening | undefined {
  const { session } = after;
  if (news.type === "store-failed")
    return before.failures ? undefined : { type: "store-trouble", session };
  if (news.type === "unpersisted")
    return isPersisted(before) && !isPersisted(after)
      ? { type: "unpersisted", session }
      : undefined;
  if (news.type !== "read" || !news.record || after.found.head !== news.record) return undefined;
  const isUnreadable = !news.record.tombstone && !after.found.session;
  const isEnded = after.ended.has(news.record.sessionId);
  // The same record may have opened before: then its key has gone since.
  const { head: was, session: opened } = before.found;
  const isSame = was?.sessionId === news.record.sessionId && was.revision === news.record.revision;
  const isNew = !isSame || opened !== undefined;
  return isUnreadable && isNew && !isEnded ? { type: "unreadable", session } : undefined;
}

/** A session that a sign-out has ended in the store, and that this context has never shown: it may have just begun. */
function endedUnseen(before: Knowledge, news: News): Happening | undefined {
  const { session } = before.found;
  if (news.type !== "written" || !session || before.session?.sessionId === session.sessionId)
    return undefined;
  const { record, changes } = news;
  const isEnded = record.tombstone || record.sessionId !== session.sessionId;
  // Of those that were shown it was told at once.
  const isTold = before.met.has(session.sessionId);
  const isSignOut = changes.some(({ type }) => type === "end");
  return isSignOut && isEnded && !isTold ? { type: "signed-out", session } : undefined;
}

function sessionHappening(before: Knowledge, after: Knowledge): Happening | undefined {
  const [was, is] = [before.session, after.session];
  // Where another session has taken its place, what an application keeps of the earlier user is over too.
  if (was && was.sessionId !== is?.sessionId) return { type: "signed-out", session: was };
  if (!was || !is || was.generation >= is.generation) return undefined;
  const isOwn = after.gotHere === is.tokenSet.accessToken;
  return { type: isOwn ? "refreshed" : "adopted", session: is };
}
