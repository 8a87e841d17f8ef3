/** In a test's process: the export that the mutant of this run breaks, in the place of the original. */
import { mutants } from "./all.ts";

const name = process.env["TOKENKEEP_MUTANT"];
const mutant = mutants.find((one) => one.name === name);
if (name && !mutant) throw new Error(`There is no mutant "${name}"`);

/** Imported as `mutated`; a module asks it for each of its exports that some mutant breaks. */
export function mutated<T>(module: string, named: string, original: T): T {
  const wraps = mutant ? [mutant, ...(mutant.also ?? [])] : [];
  const wrap = wraps.find((one) => one.module === module && one.export === named);
  return wrap ? (wrap.wrap(original as never) as T) : original;
}
