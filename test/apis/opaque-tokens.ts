/** Tokens that say nothing: known one by one, ended by time or by hand. */

export interface OpaqueToken<Data> {
  readonly data: Data;
  /** Counted from 1. */
  readonly index: number;
}

export interface OpaqueTokens<Data> {
  /** `life` in milliseconds. */
  issue(data: Data, life: number): string;
  check(token: string): OpaqueToken<Data> | undefined;
  /** All that still live. */
  living(): [token: string, OpaqueToken<Data>][];
  /** Ends every token issued so far. */
  kill(): void;
}

export function createOpaqueTokens<Data>(now: () => number, prefix: string): OpaqueTokens<Data> {
  const tokens = new Map<string, OpaqueToken<Data> & { expiresAt: number }>();
  let issued = 0;
  const isLiving = ({ expiresAt }: { expiresAt: number }): boolean => now() < expiresAt;

  return {
    issue(data, life) {
      const token = prefix + crypto.randomUUID().replaceAll("-", "");
      tokens.set(token, { data, index: (issued += 1), expiresAt: now() + life });
      return token;
    },
    check(token) {
      const entry = tokens.get(token);
      return entry && isLiving(entry) ? entry : undefined;
    },
    living: () => [...tokens].filter(([, entry]) => isLiving(entry)),
    kill: () => tokens.clear(),
  };
}
