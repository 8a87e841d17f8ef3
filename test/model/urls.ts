/** The addresses of the model's API. */
export const ORIGIN = "https://api.vmcloud.com";
export const URLS = {
  token: `${ORIGIN}/api/v1/auth/token`,
  refresh: `${ORIGIN}/api/v1/auth/refresh`,
  mint: `${ORIGIN}/api/v1/auth/mint`,
  revoke: `${ORIGIN}/api/v1/auth/revoke`,
  logout: `${ORIGIN}/api/v1/auth/logout`,
};
