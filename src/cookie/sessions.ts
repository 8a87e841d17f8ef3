/** How a session that lies in a cookie is begun, found, renewed and ended, each by a visit to the jar. */
import { isVaultError, VaultError } from "../errors.ts";
import { own } from "../guard/json.ts";
import { randomId } from "../guard/random.ts";
import type { Exchange, Outcome, Provider, RecordHead, RenewableGrant } from "../types.ts";
import {
  type Asked,
  askFor,
  type CookieRules,
  hasJar,
  isNothing,
  isThirdParty,
  tellOfSignOut,
} from "./requests.ts";
import { isOfUser, type Material, materialIn } from "./material.ts";
import {
  answerOf,
  contextOf,
  enter,
  JarBusy,
  jarKey,
  LONGEST_VISIT,
  type Note,
  noteIn,
  type Visit,
} from "./jar.ts";
import type { Errand } from "./seeking.ts";

export interface CookieUrls {
  readonly loginUrl: string;
  readonly refreshUrl: string;
  readonly logoutUrl?: string;
}

/** How long a sign-in waits for who is at the jar: longer than a visit may last. */
const PATIENCE = LONGEST_VISIT + 1_000;
/** The same for a refresh, which has fifteen seconds for all. */
const SHORT_PATIENCE = 8_000;

/** The server has no session of the cookie. */
const NOBODY: Partial<Note> = {
  owner: undefined,
  liveSince: undefined,
  isOwed: undefined,
  isSought: undefined,
  passed: undefined,
  loggedInAt: undefined,
};

/** The part of a session's key that all accounts of a provider share. */
const providerOf = (key: string): string => key.slice(0, key.lastIndexOf("|"));

/** What a tombstone is called in a note; `undefined` for any other head. */
const nameOf = (head: RecordHead | undefined): string | undefined =>
  head?.tombstone ? `${head.sessionId} ${head.revision}` : undefined;

/** Why an errand has brought nothing, where that is no failure. */
function ended(errand: Errand, end: NonNullable<Errand["end"]>): never {
  errand.end = end;
  throw new VaultError(
    "no_session",
    "Cannot sign in: this browser has no cookie of a session. Call signIn() with credentials.",
  );
}

function checkJar(): void {
  if (hasJar()) return;
  throw new VaultError(
    "invalid_option",
    "Cannot use cookie(): only a browser keeps cookies for fetch. Use password(), mint() or a token of its own here.",
    { reason: "no_cookie_jar" },
  );
}

/** Only the way to the jar fails in this way: no request was sent. */
const isUnsent = (error: unknown): boolean => error instanceof JarBusy || isVaultError(error);

/** The same of a login, whose caller may abort what was sent, by any error. */
const isNeverSent = (error: unknown, { signal }: Exchange): boolean =>
  isUnsent(error) && !signal.aborted;

/** Whether a login has set no cookie: it was refused, turned away, or never sent. */
function isWithoutEffect(outcome: Outcome, exchange: Exchange): boolean {
  if (outcome.type !== "trouble") return outcome.type === "refused";
  return outcome.unprocessed === true || isNeverSent(outcome.error, exchange);
}

/** What an errand does, each by a visit to the jar. */
type Run = (errand: Errand, exchange: Exchange) => Promise<Outcome>;

export interface CookieSessions {
  login(errand: Errand, exchange: Exchange, body: unknown): Promise<Outcome>;
  readonly find: Run;
  readonly "find quietly": Run;
  readonly pay: Run;
  readonly claim: Run;
  readonly bury: Run;
  /** Tells the server of a sign-out that is owed. */
  settleDebt(exchange: Exchange): Promise<void>;
  readonly renew: NonNullable<Provider["renew"]>;
}

export function createCookieSessions(given: CookieUrls & CookieRules): CookieSessions {
  const { loginUrl, refreshUrl, logoutUrl, csrf } = given;
  // What is put on `Object.prototype` later on is no kind of header (S15).
  const options = own({ ...given, ...(csrf && { csrf: own(csrf) }) });
  const jar = jarKey(refreshUrl);

  /** A visit ends with its task, but one that has brought a session ends when that is stored. */
  async function atJar<T extends Outcome | void>(
    exchange: Exchange,
    task: (visit: Visit) => Promise<T>,
    errand?: Errand,
  ): Promise<T> {
    const visit = await enter(jar, exchange, errand ? PATIENCE : SHORT_PATIENCE);
    let isGranted = false;
    let isHeld = false;
    try {
      const outcome = await task(visit);
      isGranted = outcome?.type === "granted";
      isHeld = !!errand && isGranted && !exchange.signal.aborted;
      if (isHeld && errand) errand.visit = visit;
      return outcome;
    } finally {
      const left = isHeld || visit.leave();
      // A slow store takes no grant away that came in time (P20).
      if (!isGranted) await left;
    }
  }

  /** The same for a sign-in. One that waited too long, or was overtaken at the jar, has asked for no token. */
  async function atJarFor(
    errand: Errand,
    exchange: Exchange,
    task: (visit: Visit) => Promise<Outcome>,
  ): Promise<Outcome> {
    try {
      return await atJar(exchange, task, errand);
    } catch (error) {
      if (!(error instanceof JarBusy)) throw error;
      return own<Outcome>({ type: "trouble", unprocessed: true, reason: "timed_out" });
    }
  }

  const headOf = async (exchange: Exchange, key: string) => {
    const { store, clock } = contextOf(exchange);
    return answerOf(clock, () => store.head(key));
  };

  /**
   * Whether who had the cookie has signed out, and nobody knows that the server has heard. A tombstone tells;
   * it is taken off the list after a day, and then its absence tells.
   */
  async function isLeft(note: Note, exchange: Exchange): Promise<boolean> {
    const { owner, liveSince, isOwed, isSought, passed, loggedInAt = Infinity } = note;
    if (liveSince === undefined || owner === undefined) return false;
    const head = await headOf(exchange, owner);
    if (!head) return isOwed === true || !isSought;
    // It has ended an earlier session: the one that was granted after it still waits for its store (P19).
    const { endedAt = Infinity } = head;
    const isEarlier = endedAt < loggedInAt && loggedInAt <= contextOf(exchange).clock.now();
    if (isEarlier && !isOwed) return false;
    // A search that failed owes nothing for a sign-out before it: the cookie may be another login's (P17).
    return head.tombstone === true && !(isSought && nameOf(head) === passed);
  }

  /** Whether another account is signed in by the cookie. */
  async function isAnothers({ owner, liveSince }: Note, exchange: Exchange): Promise<boolean> {
    if (owner === undefined || liveSince === undefined) return false;
    if (owner === contextOf(exchange).key) return false;
    const head = await headOf(exchange, owner);
    return !!head && !head.tombstone;
  }

  /**
   * Whether another account of this provider is signed in by the cookie. Another provider's session keeps nobody
   * out: once a provider is renamed, no page can end that session (P19).
   */
  async function isKeptOut(visit: Visit, exchange: Exchange): Promise<boolean> {
    const { owner = "" } = visit.note();
    const isOfProvider = providerOf(owner) === providerOf(contextOf(exchange).key);
    return isOfProvider && isAnothers(visit.note(), exchange);
  }

  function refuse(): never {
    throw new VaultError(
      "invalid_option",
      "Cannot sign in: a browser has one cookie for each token endpoint, and another account's session has it. Sign that account out first.",
      { reason: "cookie_of_another_account" },
    );
  }

  /** Notes a sign-out and tells the server of it; answers whether it has heard. */
  async function settle(visit: Visit): Promise<boolean> {
    visit.change({ isOwed: true });
    if (!logoutUrl || !(await tellOfSignOut(logoutUrl, options, visit))) return false;
    visit.change({ ...NOBODY, csrf: undefined });
    return true;
  }

  /** Notes what the reply says of the jar, and what the session keeps. */
  function taken({ outcome, subject }: Asked, visit: Visit, exchange: Exchange): Outcome {
    const { clock, key } = contextOf(exchange);
    if (outcome.type !== "granted") return outcome;
    const { liveSince = clock.now(), loggedInAt } = visit.note();
    visit.change({ ...NOBODY, owner: key, liveSince, loggedInAt, emptyAt: undefined });
    const material: Material = { subject, isNew: false };
    return own({ type: "granted", grant: own({ ...outcome.grant, material }) });
  }

  /** The same for a session that begins. Who has come to the jar after the deadline knows the cookie better. */
  async function begun(asked: Asked, visit: Visit, exchange: Exchange): Promise<Outcome> {
    const outcome = taken(asked, visit, exchange);
    if (outcome.type !== "granted" || (await visit.isKept())) return outcome;
    return { type: "trouble", reason: "timed_out" };
  }

  async function login(errand: Errand, exchange: Exchange, body: unknown): Promise<Outcome> {
    checkJar();
    const { clock, key } = contextOf(exchange);
    return atJarFor(errand, exchange, async (visit) => {
      if (await isKeptOut(visit, exchange)) return refuse();
      // Where the server cannot be told, the debt lapses when the cookie has become another one.
      const isOpen = (await isLeft(visit.note(), exchange)) && !(await settle(visit));
      const { owner, liveSince, isSought } = visit.note();
      const before = { owner, liveSince, isSought };
      const beganAt = clock.now();
      // Durable before the first byte, so that a sign-out is owed though nobody hears the reply.
      if (!isOpen) visit.change({ owner: key, liveSince: beganAt, isSought: undefined });
      const asked = await askFor({ url: loginUrl, body }, options, visit).catch((error) => {
        if (isNeverSent(error, exchange)) visit.change(before);
        throw error;
      });
      const outcome = await begun(asked, visit, exchange);
      if (isWithoutEffect(outcome, exchange)) visit.change(before);
      if (outcome.type !== "granted") return outcome;
      visit.change({ loggedInAt: beganAt });
      const material: Material = { subject: asked.subject, isNew: true };
      return own({ type: "granted", grant: own({ ...outcome.grant, material }) });
    });
  }

  /** Whether there is something that no cookie may take the place of. */
  async function isTaken(errand: Errand, exchange: Exchange): Promise<boolean> {
    const { clock, standing } = contextOf(exchange);
    const found = await answerOf(clock, standing);
    return found === "good" || (found === "ended" && errand.task === "find quietly");
  }

  async function find(errand: Errand, exchange: Exchange): Promise<Outcome> {
    const isQuiet = errand.task === "find quietly";
    if (!isQuiet) checkJar();
    else if (!hasJar()) return ended(errand, "nothing");
    if (await isTaken(errand, exchange)) return ended(errand, "kept");
    return atJarFor(errand, exchange, async (visit) => {
      if (await isTaken(errand, exchange)) return ended(errand, "kept");
      if (await isAnothers(visit.note(), exchange))
        return isQuiet ? ended(errand, "nothing") : refuse();
      const { clock, key } = contextOf(exchange);
      // Another context has looked since this one was opened, if the clock has not been set back.
      const { emptyAt = -Infinity } = visit.note();
      if (isQuiet && emptyAt >= errand.since && emptyAt <= clock.now())
        return ended(errand, "nothing");
      // Read before the debt is: a sign-out that comes later is owed.
      const passed = isQuiet ? undefined : nameOf(await headOf(exchange, key));
      const isOpen = (await isLeft(visit.note(), exchange)) && !(await settle(visit));
      if (isOpen && logoutUrl) return { type: "trouble", reason: "sign_out_not_heard" };
      if (isOpen && isQuiet) return ended(errand, "nothing");
      // Durable before the first byte, as a login's.
      const { liveSince = clock.now() } = visit.note();
      if (!isOpen) visit.change({ owner: key, liveSince, isSought: true, passed });
      const asked = await askFor({ url: refreshUrl, body: {} }, options, visit);
      if (!isNothing(asked.outcome)) return begun(asked, visit, exchange);
      visit.change({ ...NOBODY, emptyAt: clock.now() });
      return ended(errand, "nothing");
    });
  }

  /** Ends the session whose cookie has become another user's: it is gone, and the other's can be found. */
  async function drop(exchange: Exchange): Promise<void> {
    const { store, clock, key } = contextOf(exchange);
    try {
      const head = await headOf(exchange, key);
      if (head && !head.tombstone) await answerOf(clock, () => store.write(key, undefined, head));
    } catch {
      // The session is refused in any case.
    }
  }

  async function renewed(
    grant: RenewableGrant,
    visit: Visit,
    exchange: Exchange,
  ): Promise<Outcome> {
    const material = materialIn(grant.material);
    if (await isAnothers(visit.note(), exchange))
      return { type: "refused", reason: "cookie_of_another_account" };
    const asked = await askFor({ url: refreshUrl, body: {} }, options, visit);
    const { subject = material.subject } = asked;
    if (!isOfUser(asked, material, grant.accessToken)) {
      // Noted before the record goes: its absence means a sign-out otherwise.
      visit.change(NOBODY);
      await visit.leave();
      await drop(exchange);
      return { type: "refused", reason: "cookie_of_another_user" };
    }
    const outcome = taken({ ...asked, subject }, visit, exchange);
    if (outcome.type !== "refused") return outcome;
    visit.change({ ...NOBODY, emptyAt: contextOf(exchange).clock.now() });
    const isBlocked = material.isNew && isThirdParty(refreshUrl);
    return isBlocked ? { ...outcome, reason: "third_party_cookies_blocked" } : outcome;
  }

  const renew: NonNullable<Provider["renew"]> = async (grant, exchange) => {
    checkJar();
    try {
      return await atJar(exchange, (visit) => renewed(grant, visit, exchange));
    } catch (error) {
      if (isUnsent(error))
        return {
          type: "trouble",
          unprocessed: true,
          reason: isVaultError(error) ? error.reason : undefined,
          error,
        };
      throw error;
    }
  };

  /** What a visit of this context has brought is known when the visit has ended. */
  async function pay(exchange: Exchange): Promise<void> {
    if (!hasJar()) return;
    await atJar(exchange, async (visit) => {
      if (await isLeft(visit.note(), exchange)) await settle(visit);
    });
  }

  /** Notes whose the cookie is, where a session was begun beside the jar: its sign-out is owed from then on. */
  async function claim(exchange: Exchange): Promise<void> {
    if (!hasJar()) return;
    const { clock, key, standing } = contextOf(exchange);
    await atJar(exchange, async (visit) => {
      if ((await answerOf(clock, standing)) !== "good") return;
      if ((await isAnothers(visit.note(), exchange)) || (await isLeft(visit.note(), exchange)))
        return;
      const { liveSince = clock.now() } = visit.note();
      visit.change({ ...NOBODY, owner: key, liveSince, emptyAt: undefined });
    });
  }

  /** Leaves a tombstone where nothing stands, so that a session that is just being found ends. */
  async function bury(exchange: Exchange): Promise<boolean> {
    const { store, clock, key } = contextOf(exchange);
    const endedAt = clock.now();
    const head = own<RecordHead>({
      format: 1,
      sessionId: randomId(),
      revision: 1,
      tombstone: true,
      endedAt,
    });
    if (await answerOf(clock, () => store.write(key, head, undefined))) return true;
    return (await headOf(exchange, key))?.tombstone === true;
  }

  return {
    login,
    find,
    "find quietly": find,
    async pay(errand: Errand, exchange: Exchange): Promise<Outcome> {
      const { store, clock } = contextOf(exchange);
      const note = noteIn(await answerOf(clock, () => store.read(jar)));
      // Where there is nobody to tell, it is noted once.
      const isDone = !logoutUrl && note.isOwed;
      if (!isDone && (await isLeft(note, exchange))) await pay(exchange);
      return ended(errand, "nothing");
    },
    async claim(errand: Errand, exchange: Exchange): Promise<Outcome> {
      await claim(exchange);
      return ended(errand, "nothing");
    },
    async bury(errand: Errand, exchange: Exchange): Promise<Outcome> {
      if (await bury(exchange)) return ended(errand, "nothing");
      throw new VaultError("no_session");
    },
    settleDebt: pay,
    renew,
  };
}
