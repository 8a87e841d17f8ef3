/** Where the model's API is. */
export const ORIGIN = "https://api.vmcloud.com";
export const URLS = {
  token: `${ORIGIN}/api/v1/auth/token`,
  refresh: `${ORIGIN}/api/v1/auth/refresh`,
  mint: `${ORIGIN}/api/v1/auth/mint`,
  revoke: `${ORIGIN}/api/v1/auth/revoke`,
  logout: `${ORIGIN}/api/v1/auth/logout`,
};
export const API = `${ORIGIN}/v1/vms/`;
export const urlOf = (endpoint: number): string => API + endpoint;
