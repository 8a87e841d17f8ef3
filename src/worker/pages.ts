/**
 * Whose vaults each page has: a request that passes a service worker does not say which account it is of, and a
 * page whose vaults are all of other accounts is not served this one's token (S11).
 */
import { isObject } from "../guard/json.ts";
import { createRecent } from "../guard/recent.ts";
import { isAccount } from "../guard/syntax.ts";
import type { Message } from "./scope.ts";

export interface Pages {
  /** Each question of a page names its account. A vault asks when it is made, and when a worker has begun anew. */
  note(message: Message): void;
  /** Of a page that has asked nothing, nobody knows. */
  mayHave(client: string | undefined, account: string): boolean;
}

/** How many pages are remembered, and how many accounts of each. */
const MOST = 256;

export function createPages(): Pages {
  const pages = createRecent<Set<string>>(MOST);
  return {
    note({ data, client }) {
      if (client === undefined || !isObject(data) || !("tokenkeep" in data)) return;
      const { account } = data;
      const known = pages.get(client) ?? new Set();
      if (isAccount(account) && known.size < MOST) pages.set(client, known.add(account));
    },
    mayHave: (client, account) => pages.peek(client ?? "")?.has(account) ?? true,
  };
}
