/** Step-up: an API wants more than the session's token shows, and the user logs in for it. */
import { check } from "../errors.ts";
import { checkAmounts } from "../guard/amounts.ts";
import { parseChallenge } from "../guard/challenge.ts";
import { own } from "../guard/json.ts";
import { unlessAborted } from "../guard/unless-aborted.ts";
import { within } from "../guard/within.ts";
import { hasNoBody, lasting, readAlong } from "../request/body.ts";
import { isRequest, keepHeaders, readInit } from "../request/init.ts";
import { PAST, pastOf } from "../request/past.ts";

/** What an API wants (RFC 9470 §3, RFC 6750 §3.1). The server's word: pass it on, and trust it in nothing. */
export interface StepUp {
  /** `insufficient_user_authentication`, or `insufficient_scope`. */
  readonly error: string;
  /** Seconds: how long ago the user may have logged in at most. */
  readonly maxAge?: number | undefined;
  /** Space-separated, the one that is liked best first: for the parameter `acr_values`. */
  readonly acrValues?: string | undefined;
  /** Space-separated. */
  readonly scope?: string | undefined;
}

/** The options of {@link createStepUp}. */
export interface StepUpOptions {
  /** Has the user log in again, and resolves when that is over, however it ended. */
  readonly onChallenge: (wanted: StepUp) => Promise<unknown>;
  /** How long a call waits for that, milliseconds; 300,000 by default. Then the challenge is its answer. */
  readonly patience?: number;
}

/** The part of a vault that is needed. */
export interface Steps {
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  snapshot(): {
    readonly status: string;
    readonly profile?: Readonly<Record<string, unknown>> | undefined;
    readonly claims?: Readonly<Record<string, unknown>> | undefined;
  };
}

/** What a reply wants of the user; `undefined` for any other reply. */
function wantedBy({ status, headers }: Response): StepUp | undefined {
  if (status !== 401 && status !== 403) return undefined;
  const challenge = parseChallenge(headers.get("www-authenticate"));
  const { error = "", max_age, acr_values: acrValues, scope } = own({ ...challenge });
  if (!/^insufficient_(user_authentication|scope)$/.test(error)) return undefined;
  const maxAge = max_age === undefined ? NaN : Number(max_age);
  const isAge = maxAge >= 0 && maxAge < Infinity;
  return own({ error, maxAge: isAge ? maxAge : undefined, acrValues, scope });
}

/** Who is signed in, as far as anybody has told. */
function subjectOf(vault: Steps): unknown {
  const { status, profile, claims } = own(vault.snapshot());
  if (status !== "signed-in") return undefined;
  return own({ ...profile })["sub"] ?? own({ ...claims })["sub"];
}

type Input = string | URL | Request;

/** A call as it was made: what its caller changes during the login is not what is sent (F68). */
interface Kept {
  readonly input: Input;
  readonly init: RequestInit;
  /** The input once more; `undefined` where its body can be read only once, or is too long. */
  again(): Promise<Input | undefined>;
}

function keep(given: Input, init: RequestInit | undefined): Kept {
  const input = isRequest(given) ? given : String(given);
  const past = pastOf(init);
  const { headers, body, ...others } = readInit(init);
  // A function makes its body anew.
  const kept = body == null || typeof body === "function" ? body : lasting(body);
  const said = own({
    ...others,
    ...(headers && { headers: keepHeaders(headers) }),
    ...(body !== undefined && { body: kept ?? body }),
    // Another vault that sends by this function has told where redirects led it (F63).
    ...(past && { [PAST]: past }),
  }) as RequestInit;
  const isStream = body != null && kept === undefined;
  return { input, init: said, again: isStream ? async () => undefined : replay(input, body) };
}

function replay(input: Input, body: unknown): Kept["again"] {
  if (!isRequest(input)) return async () => input;
  const copy = Request.prototype.clone.call(input);
  if (body || hasNoBody(input)) return async () => copy;
  const { isKept, again } = readAlong(copy);
  return async () => {
    const kept = { body: (await isKept()) ? again() : undefined } as RequestInit;
    return kept.body === undefined ? undefined : new Request(copy, kept);
  };
}

/** Whether the API itself has answered, and the call may be sent again: behind a redirect neither is sure (S18). */
function isRepeatable({ input, init }: Kept, response: Response): boolean {
  const { redirected, url } = response;
  if (!redirected) return true;
  const asked = isRequest(input) ? input : new Request(input);
  const isOwn = url.startsWith(new URL(asked.url).origin + "/");
  return isOwn && /^(get|head)$/i.test(init.method ?? asked.method);
}

/**
 * Makes a `fetch` over `vault.fetch` that hears of step-ups. A 401 or 403 whose challenge is
 * `insufficient_user_authentication` or `insufficient_scope` calls `onChallenge`; the request is sent once more
 * if the same user is signed in after it, and never as somebody else. Calls that meet the same challenge at the
 * same time share one login. In all other cases the reply is the answer, and so it is for a body that is a stream,
 * for a `Request`'s of more than 1 MiB, and where a redirect has led to another origin, or a `POST` anywhere.
 *
 * Rejects as `vault.fetch` does, and with what `onChallenge` rejects with. In a browser the API must expose
 * `WWW-Authenticate` by CORS.
 *
 * @throws VaultError `invalid_option` when `onChallenge` is no function, or `patience` no amount
 *
 * @see https://www.rfc-editor.org/rfc/rfc9470
 *
 * @example
 * ```ts
 * import { createStepUp, signInByPopup, type SignsIn, type Steps } from "tokenkeep/oauth";
 *
 * const client = { issuer: "https://login.acme.example", clientId: "acme-web", scope: "openid" };
 *
 * export const fetchOrAsk = (vault: SignsIn & Steps): Steps["fetch"] =>
 *   createStepUp(vault, {
 *     onChallenge: ({ maxAge = 0, scope = "" }) => signInByPopup(client, vault, { maxAge, scope }),
 *   });
 * ```
 */
export function createStepUp(vault: Steps, options: StepUpOptions): Steps["fetch"] {
  const { onChallenge, patience = 300_000 } = own(options);
  check(typeof onChallenge === "function", "onChallenge, a function");
  checkAmounts({ patience });
  const underWay = new Map<string, Promise<unknown>>();

  /** One login for all who want the same. */
  function ask(wanted: StepUp): Promise<unknown> {
    const key = JSON.stringify(wanted);
    const asked =
      underWay.get(key) ??
      Promise.resolve(wanted)
        .then(onChallenge)
        .finally(() => underWay.delete(key));
    underWay.set(key, asked);
    return asked;
  }

  /** Whether the login is over. Who gives up does not wait for it, and the others go on waiting (P14). */
  function isOver(
    wanted: StepUp,
    signal: AbortSignal | null | undefined,
  ): Promise<boolean | undefined> {
    const asked = ask(wanted).then(() => true);
    return within(unlessAborted(asked, signal), patience);
  }

  return async (...call) => {
    const kept = keep(...call);
    const { input, init } = kept;
    const subject = subjectOf(vault);
    const response = await vault.fetch(input, init);
    const wanted = wantedBy(response);
    if (!wanted || !isRepeatable(kept, response)) return response;
    const again = await kept.again();
    if (again === undefined) return response;
    const asker = subject ?? subjectOf(vault);
    // `null` in an init takes the `Request`'s signal away, as it does for `fetch`.
    const given = isRequest(input) ? input.signal : undefined;
    const signal = init.signal === undefined ? given : init.signal;
    // A request of one user is not sent as another's (F103).
    if (!(await isOver(wanted, signal)) || asker === undefined || subjectOf(vault) !== asker)
      return response;
    response.body?.cancel().catch(() => {});
    return vault.fetch(again, init);
  };
}
