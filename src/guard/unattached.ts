/**
 * Marks a page's requests that are to go without a token though a service worker attaches tokens there: a login's
 * own requests, where the OAuth server is among the origins. A fragment stays in the browser (RFC 3986 §3.5).
 */
export const UNATTACHED = "#tokenkeep-unattached";
