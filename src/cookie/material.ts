/** What a session keeps of its cookie's user, and whether a token that comes later is of the same one. */
import { isObject, own } from "../guard/json.ts";
import { type Asked, subIn } from "./requests.ts";

/** What a session keeps for its next refresh. */
export interface Material {
  readonly subject?: string | undefined;
  /** The cookie was set just now, and has never come back. */
  readonly isNew: boolean;
}

export function materialIn(value: unknown): Material {
  const { subject, isNew } = own(isObject(value) ? value : {});
  return { subject: typeof subject === "string" ? subject : undefined, isNew: isNew === true };
}

/** Whether a token that was asked for is of the session's user. Of an adopted session only its token tells. */
export function isOfUser(
  { subject, sub }: Asked,
  session: Material,
  accessToken: unknown,
): boolean {
  if (session.subject !== undefined) return (subject ?? session.subject) === session.subject;
  const before = subIn(accessToken);
  return before === undefined || sub === undefined || sub === before;
}
