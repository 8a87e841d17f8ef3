/** Renewal by what a sign-in has kept: a token that came without it serves to its end. */
export const BY_MATERIAL = {
  rotation: "none",
  needsRefreshToken: false,
  needsMaterial: true,
} as const;
