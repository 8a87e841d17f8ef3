/** Options that are amounts, such as milliseconds and bytes. */
import { check } from "../errors.ts";

/**
 * From 0 on; `Infinity` sets no limit. Every comparison with `NaN` is false, so that it would set a limit that
 * nothing keeps to, and nobody would be told.
 */
export const isAmount = (value: unknown): value is number =>
  typeof value === "number" && value >= 0;

/** Checks amounts by their names; one that is absent has a default. */
export function checkAmounts(amounts: Readonly<Record<string, unknown>>): void {
  for (const [name, amount] of Object.entries(amounts))
    check(amount === undefined || isAmount(amount), `${name}: a number from 0 on`);
}
