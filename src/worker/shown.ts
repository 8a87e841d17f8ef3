/** Shows a page the snapshot that it last heard of, and the events. */
import { bareAndFrozen } from "../guard/json.ts";
import type { Snapshot, Vault, VaultEvent } from "../vault/contract.ts";
import { createListeners } from "../vault/listeners.ts";
import type { Seen, State } from "./protocol.ts";

export interface Shown {
  /** The methods of the page's vault that show the state and tell events. */
  readonly methods: Pick<Vault, "events" | "snapshot" | "subscribe">;
  /** How much of the worker's news has been taken. */
  seen(): Seen | undefined;
  /** The session that is shown, as far as the worker has named it. */
  session(): string | undefined;
  show(next: Omit<Snapshot, "account">): void;
  tell(event: VaultEvent): void;
  /** Takes a worker's news. */
  take(state: Partial<State> | undefined): void;
}

const isKnown = ({ status }: Pick<Snapshot, "status">): boolean =>
  status !== "loading" && status !== "unavailable";

export function createShown(account: string): Shown {
  const { events, join, tell } = createListeners();
  let seen: Seen | undefined;
  let session: string | undefined;
  /** The session whose end was told last. */
  let ended: string | undefined;
  /** What the worker has told last: the same worker does not tell it again. */
  let told: Omit<Snapshot, "account"> | undefined;
  let shown: Snapshot = Object.freeze({ status: "loading", persisted: true, account });

  function show(next: Omit<Snapshot, "account">): void {
    const now = { ...next, account };
    const text = JSON.stringify(now);
    if (text === JSON.stringify(shown)) return;
    // Members without a value are set, too, so that no prototype is asked for them (S15).
    shown = Object.freeze({ ...now, ...JSON.parse(text, bareAndFrozen) });
    tell();
  }

  function tellOnce(event: VaultEvent): void {
    const { type, sessionId } = event;
    if (type === "signed-out" && sessionId !== undefined) {
      if (sessionId === ended) return;
      ended = sessionId;
    }
    tell(event);
  }

  /** A worker that has just begun may not have known the session that is over, nor told of its end. */
  function leave(next: string | undefined, news: State["news"]): void {
    const isTold = news.some(
      (one) => one?.event?.type === "signed-out" && one.event.sessionId === session,
    );
    if (session !== undefined && session !== next && !isTold)
      tellOnce({ type: "signed-out", account, sessionId: session });
    // A sign-out that no store has taken ends nothing for good: it may be there once more.
    if (next === ended) ended = undefined;
    session = next;
  }

  return {
    methods: {
      snapshot: () => shown,
      subscribe(listener) {
        listener(shown);
        return join((event) => {
          if (!event) listener(shown);
        });
      },
      events,
    },
    seen: () => seen,
    session: () => session,
    show,
    tell,
    take({ owner, seq, news } = {}) {
      if (!owner || !seq || !news) return;
      // Answers may overtake each other: older news is known already.
      const since = seen?.owner === owner ? seen.seq : 0;
      for (const one of news)
        if (one && one.seq > since) {
          const { snapshot, event } = one;
          // A worker that has not read the record yet knows less than this page.
          if (snapshot && (snapshot.status !== "loading" || !isKnown(shown))) {
            if (isKnown(snapshot)) leave(one.sessionId, news);
            told = snapshot;
            show(told);
          }
          if (event) tellOnce({ ...event, account });
        }
      if (seq > since) seen = { owner, seq };
      // A worker that is heard again is away no more.
      if (told && !isKnown(shown)) show(told);
    },
  };
}
