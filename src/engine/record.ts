/** Between a session and the record that a store keeps. What comes back is narrowed (S10). */
import type { Session, StoredRecord } from "../types.ts";
import { isObject } from "./claims.ts";

export function toRecord({ sessionId, revision, ...body }: Session): StoredRecord {
  const attemptId = body.intent?.attemptId;
  return {
    format: 1,
    sessionId,
    revision,
    ...(attemptId !== undefined && { attemptId }),
    body,
  };
}

const isNumber = (value: unknown): value is number => Number.isFinite(value);
const optional = (value: unknown, type: string): boolean =>
  value === undefined || (typeof value === type && value === value);

/** The session in a record, or `undefined` where there is none that makes sense. */
export function fromRecord({ sessionId, revision, body }: StoredRecord): Session | undefined {
  if (!isObject(body) || !isObject(body["tokenSet"])) return undefined;
  const { tokenSet, intent, coolDown } = body;
  const sound =
    typeof tokenSet["accessToken"] === "string" &&
    optional(tokenSet["refreshToken"], "string") &&
    optional(tokenSet["expiresAt"], "number") &&
    optional(body["refreshAt"], "number") &&
    optional(body["renewedAt"], "number") &&
    isNumber(body["generation"]) &&
    isNumber(body["attempt"]) &&
    isNumber(body["issuedAt"]) &&
    (intent === undefined ||
      (isObject(intent) &&
        typeof intent["attemptId"] === "string" &&
        isNumber(intent["attempt"]) &&
        isNumber(intent["startedAt"]) &&
        isNumber(intent["deadline"]))) &&
    (coolDown === undefined ||
      (isObject(coolDown) && isNumber(coolDown["until"]) && isNumber(coolDown["tries"])));
  return sound ? ({ ...body, sessionId, revision } as unknown as Session) : undefined;
}
