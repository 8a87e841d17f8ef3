/**
 * Refresh tokens in families: one sign-in opens a family, each use of its token continues it, and
 * a spent token that comes again ends it (RFC 9700 §4.14.2).
 *
 * Redeeming is synchronous: of two calls with one token, one is the first.
 */

/**
 * - `strict`: a token is spent by its first use.
 * - `window`: likewise, but for a while after its first use it gets sibling tokens.
 * - `none`: a token stays.
 */
export type Rotation = "strict" | "window" | "none";

export interface Family {
  readonly id: number;
  /** Whose: the user's id. */
  readonly subject: string;
  readonly revoked: boolean;
}

export type Redemption =
  | { readonly type: "granted"; readonly family: Family; readonly refreshToken: string }
  /** Never issued here, or the family is revoked. */
  | { readonly type: "refused" }
  /** A spent token: its family is revoked. `first` unless it was already. */
  | { readonly type: "reuse"; readonly family: Family; readonly first: boolean };

export interface Families {
  open(subject: string): { family: Family; refreshToken: string };
  redeem(refreshToken: string, rule: { rotation: Rotation; reuseWindow: number }): Redemption;
  /** The family of a refresh token. */
  of(refreshToken: string): Family | undefined;
  /** Revokes one family by its id, or by a refresh token of it. */
  revoke(which: number | string): void;
  /** Revokes every family that still lives, and returns them. */
  revokeAll(): Family[];
}

export function createFamilies(options: { now: () => number; prefix?: string }): Families {
  const { now, prefix = "" } = options;
  const families: { id: number; subject: string; revoked: boolean }[] = [];
  const tokens = new Map<string, { family: (typeof families)[number]; spentAt?: number }>();

  function issue(family: (typeof families)[number]): string {
    const refreshToken = prefix + crypto.randomUUID().replaceAll("-", "");
    tokens.set(refreshToken, { family });
    return refreshToken;
  }

  return {
    open(subject) {
      const family = { id: families.length + 1, subject, revoked: false };
      families.push(family);
      return { family, refreshToken: issue(family) };
    },

    redeem(refreshToken, { rotation, reuseWindow }) {
      const entry = tokens.get(refreshToken);
      if (entry === undefined) return { type: "refused" };
      const { family, spentAt } = entry;
      if (spentAt !== undefined) {
        const mayComeAgain = rotation === "window" && now() - spentAt < reuseWindow;
        if (!mayComeAgain) {
          const first = !family.revoked;
          family.revoked = true;
          return { type: "reuse", family, first };
        }
      }
      if (family.revoked) return { type: "refused" };
      if (rotation === "none") return { type: "granted", family, refreshToken };
      entry.spentAt ??= now();
      return { type: "granted", family, refreshToken: issue(family) };
    },

    of: (refreshToken) => tokens.get(refreshToken)?.family,

    revoke(which) {
      const family = typeof which === "number" ? families[which - 1] : tokens.get(which)?.family;
      if (family) family.revoked = true;
    },

    revokeAll() {
      const living = families.filter((family) => !family.revoked);
      for (const family of living) family.revoked = true;
      return living;
    },
  };
}
