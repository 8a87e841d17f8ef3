/** What is compared: ways to send a request with a token that is there already. */

export type Fetch = (input: string | Request, init?: RequestInit) => Promise<Response>;

export interface Contender {
  readonly title: string;
  /** Whether it has to meet the goals. */
  readonly ours?: boolean;
  /** Its `fetch` over another one, signed in at the API of that address. */
  over(fetch_: typeof fetch, baseURL?: string): Promise<Fetch>;
}
