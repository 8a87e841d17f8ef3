/** What the runner and its shards say to each other. */

/** Some tests of one file, under one mutant or, with an empty name, under none. */
export interface Job {
  readonly mutant: string;
  readonly file: string;
  readonly titles: readonly string[];
  /** How many the model plays. */
  readonly schedules: number;
}

export interface Verdict {
  readonly told: readonly Told[];
  /** What was thrown outside of any test. */
  readonly faults: readonly string[];
}

/** How the tests went whose titles contain that one. */
export interface Told {
  readonly title: string;
  /** How many of them passed, and which failed. */
  readonly passed: number;
  readonly red: readonly string[];
}

/** A title may begin with those of the blocks around it, joined as Vitest does. */
export const isFiled = (fullName: string, title: string): boolean =>
  fullName.replaceAll(" > ", " ").includes(title);
