/** A worker's answers to its pages. Each question is narrowed and capped before it is read (S10). */
import { check, VaultError } from "../errors.ts";
import { toAdoption } from "../guard/adoption.ts";
import { isObject, own } from "../guard/json.ts";
import { toWireError } from "../guard/wire-error.ts";
import type { Account } from "./account.ts";
import type { Accounts } from "./accounts.ts";
import { areTexts, isText, toSeen } from "./narrow.ts";
import { type Answer, type Answers, VERSION } from "./protocol.ts";
import { claimPages } from "./scope.ts";
import { checkSession, type GiveTicket } from "./tickets.ts";

/** A question that a page has put. */
interface Asked {
  readonly account: Account;
  readonly args: readonly unknown[];
  /** Aborted when the page does not wait any more. */
  readonly signal: AbortSignal;
  /** The page, where a service worker is asked. */
  readonly client: string | undefined;
}

type Methods = { readonly [type in keyof Answers]: (asked: Asked) => Promise<Answers[type]> };

export interface AnswerSettings {
  readonly accounts: Accounts;
  readonly giveTicket: GiveTicket;
  /** Whether no page is given a token. */
  readonly isolated: boolean;
  /** The name of the lock that shows this worker's life, if it holds one. */
  readonly lock: Promise<string | undefined>;
}

/** A token for a call that a page has begun in this session, as far as it says so. */
async function asBegun(
  { engine }: Account,
  begunIn: unknown,
  got: Promise<string>,
): Promise<string> {
  const token = await got;
  if (isText(begunIn)) checkSession(begunIn, engine.state().session?.sessionId);
  return token;
}

/** The credentials with the members that JSON has dropped, as `undefined` (S17). */
function withMissing(credentials: unknown, missing: unknown): unknown {
  if (!isObject(credentials) || !areTexts(missing)) return credentials;
  const absent = Object.fromEntries(missing.map((name) => [name, undefined]));
  return own({ ...absent, ...credentials });
}

/** The methods that pages may call. */
function createMethods({ giveTicket, isolated }: AnswerSettings): Methods {
  const checkOpen = (): void => check(!isolated, "fetch instead: tokens stay in the worker");
  return {
    async state({ account, args: [isWoken] }) {
      const { vault, engine } = account;
      if (isWoken || vault.snapshot().status === "loading") void engine.wake();
      if (isolated) await claimPages();
    },
    token: ({ account, args: [need], ...asked }) => giveTicket(account, { ...asked, need }),
    signIn: ({ account, args: [credentials, missing], signal }) =>
      account.vault.signIn(withMissing(credentials, missing), { signal }),
    // A page that has lost an answer asks again, by the same name (F101). The engine narrows the tokens.
    adopt: ({ account, args: [tokens, adoption] }) =>
      account.engine.adopt(tokens as never, toAdoption(adoption)),
    async getToken({ account, args: [need], signal }) {
      checkOpen();
      const { rejected, begunIn } = isObject(need) ? need : {};
      const how = { signal, ...(isText(rejected) && { rejected }) };
      return asBegun(account, begunIn, account.vault.getToken(how));
    },
    async authorization({ account, args: [need], signal }) {
      checkOpen();
      const { begunIn } = isObject(need) ? need : {};
      return asBegun(account, begunIn, account.vault.authorization({ signal }));
    },
    signOut: ({ account, args: [untilRevoked] }) =>
      account.vault.signOut({ untilRevoked: untilRevoked === true }),
    accounts: ({ account }) => account.vault.accounts(),
    removeAccount: ({ account, args: [of] }) =>
      account.vault.removeAccount(/* The vault looks at the name. */ of as string),
  };
}

function failure(error: unknown): Pick<Answer, "error"> {
  return { error: toWireError(error, error instanceof TypeError ? "invalid_option" : undefined) };
}

/** Answers one question of any shape, and always. */
export type AnswerTo = (
  question: Record<string, unknown>,
  by: Pick<Asked, "signal" | "client">,
) => Promise<Answer>;

export function createAnswers(settings: AnswerSettings): AnswerTo {
  const { accounts, isolated, lock } = settings;
  const methods = createMethods(settings);

  const isMethod = (type: unknown): type is keyof Methods =>
    isText(type) && Object.hasOwn(methods, type);

  function argsOf({ args }: Record<string, unknown>): unknown[] {
    check(isText(args), "argument");
    const parsed: unknown = JSON.parse(args);
    check(Array.isArray(parsed), "argument");
    return parsed;
  }

  return async (question, by) => {
    const { tokenkeep, type, account: name, seen } = question;

    async function put(
      account: Account,
      args: readonly unknown[],
    ): Promise<Omit<Answer, "tokenkeep">> {
      let said: Pick<Answer, "value" | "error">;
      try {
        if (!isMethod(type)) throw new VaultError("worker_unavailable");
        said = { value: await methods[type]({ account, args, ...by }) };
      } catch (error) {
        said = failure(error);
      }
      const worker = { lock: await lock, isolated };
      const state = account.news(toSeen(seen), worker, type === "state");
      return { ...said, ...(state && { state }) };
    }

    try {
      if (tokenkeep !== VERSION) throw new VaultError("worker_unavailable");
      const args = argsOf(question);
      // The vault looks at the name.
      const said = await accounts.use(name as string, (account) => put(account, args));
      return { tokenkeep: VERSION, ...said };
    } catch (error) {
      return { tokenkeep: VERSION, ...failure(error) };
    }
  };
}
