/** The name of an adoption, as another context sends it: unknown until it is narrowed (S10). */
import { isObject } from "./claims.ts";

/** `undefined` for any other value: then the adoption has no name. */
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
