/** What names an adoption, as another context says it (S10). */
import { isObject } from "./claims.ts";

/** `undefined` for anything that is none: then it is an adoption without a name. */
export function toAdoption(
  value: unknown,
): { readonly sessionId: string; readonly startedAt: number } | undefined {
  if (!isObject(value)) return undefined;
  const { sessionId, startedAt } = value;
  const isName = typeof sessionId === "string" && /^[\w-]{16,64}$/.test(sessionId);
  return isName && typeof startedAt === "number" && Number.isFinite(startedAt)
    ? { sessionId, startedAt }
    : undefined;
}
