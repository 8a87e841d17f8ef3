/**
 * What the operating system says of a path that is not to be had, in words: errno(3). One table for every place,
 * so that a full disk is called the same for a folder, a database and a key.
 */
import { memberOf } from "../guard/thrown.ts";
import { fail } from "../guard/stored.ts";

/** Why, what to do, and whether the way out of that place helps too. */
type Meaning = readonly [why: string, advice: string, helps?: "elsewhere"];

const NOT_ALLOWED: Meaning = [
  "this user may not write there",
  "Make its folder writable",
  "elsewhere",
];

const MEANINGS: Readonly<Record<string, Meaning>> = {
  EACCES: NOT_ALLOWED,
  EPERM: NOT_ALLOWED,
  EROFS: ["the disk is read-only", "Mount it writable", "elsewhere"],
  ENOSPC: ["the disk is full", "Free space", "elsewhere"],
  EDQUOT: ["this user's share of the disk is full", "Free space", "elsewhere"],
  EIO: ["the disk fails", "Check the disk", "elsewhere"],
  ENOTDIR: ["a file stands in the place of a folder", "Move that file away", "elsewhere"],
  ENAMETOOLONG: ["the path is too long", "Give a shorter path"],
  ELOOP: ["symbolic links lead in a circle", "Mend them", "elsewhere"],
  EMFILE: [
    "this process has too many open files",
    "Close those that are not needed, or raise the limit: ulimit -n",
  ],
  ENFILE: ["the system has too many open files", "End what keeps them open, or raise the limit"],
};

/** The system's code of an error. */
export const codeOf = (error: unknown): string => {
  const code = memberOf(error, "code");
  return typeof code === "string" ? code : "";
};

/** A path that is not to be had, and what helps besides. */
export interface Failed {
  /** What could not be done, with the path. */
  readonly what: string;
  /** What helps where the system's code says nothing. */
  readonly advice: string;
  /** The way out of that place: another path, keys of the application's. */
  readonly elsewhere: string;
}

/** Throws `store_unavailable`. The system's own words are not shown. */
export function failBy(error: unknown, { what, advice, elsewhere }: Failed): never {
  const found = MEANINGS[codeOf(error)];
  if (!found) return fail(what, `${advice}, or ${elsewhere}`);
  const [why, remedy, helps] = found;
  return fail(`${what}: ${why}`, helps ? `${remedy}, or ${elsewhere}` : remedy);
}
