/** The Worker's visitors: what the page and the demo's server agree on. */

/** How many come at once. */
export const CROWD = 200;

/** What became of their requests. */
export interface Crowd {
  /** How many came back with each status; 0 where the connection broke. */
  readonly statuses: Readonly<Record<string, number>>;
  /** From the first request to the last answer, milliseconds. */
  readonly took: number;
}
