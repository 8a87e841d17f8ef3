/**
 * A process that `npm run proof` starts: it runs shares of a family's schedules, one after the other,
 * and says how each ended. Plain Node runs it, because nothing here needs a test runner.
 */
import { families } from "./families.ts";
import { dealt, prove } from "./prove.ts";

/** What is asked for. */
export interface Order {
  readonly title: string;
  readonly runs: number;
  readonly seed: number;
}

/** What is answered: the families first, then how each share ended. */
export type Answer =
  | { readonly type: "dealt"; readonly families: readonly { title: string; runs: number }[] }
  | { readonly type: "done"; readonly report: string | undefined };

const answer = (message: Answer): void => void process.send?.(message);

/** Failing schedules are shrunk for this long. */
const SHRINKING = 120_000;

async function run({ title, runs, seed }: Order): Promise<string | undefined> {
  const family = families.find((one) => one.title === title);
  if (!family) return `There is no family "${title}"`;
  try {
    await prove(family, { runs, seed, shrinkFor: SHRINKING });
    return undefined;
  } catch (error) {
    const { message, cause } = error as Error;
    return [message, cause instanceof Error ? cause.message : ""].join("\n");
  }
}

process.on("message", (order: Order | { readonly deal: number; readonly least: number }) => {
  if ("deal" in order) {
    const shares = dealt(families, order.deal, order.least);
    answer({
      type: "dealt",
      families: shares.map(({ family: { title }, runs }) => ({ title, runs })),
    });
  } else void run(order).then((report) => answer({ type: "done", report }));
});
