/** An error as a sentence for people: the vault's say what to do. */
import { isVaultError } from "tokenkeep/browser";

/** Nobody is signed in, and no form of the page can change that. */
export class NotLoggedIn extends Error {
  override readonly name = "NotLoggedIn";
  constructor() {
    super("Nobody is signed in. Log in first: this API has a login page of its own.");
  }
}

export function sentence(error: unknown): string {
  if (error instanceof NotLoggedIn) return error.message;
  if (isVaultError(error)) return `${error.message} (${error.code}).`;
  if (error instanceof DOMException && /^(Security|QuotaExceeded)Error$/.test(error.name))
    return "The browser keeps nothing for this page: allow its site data, or free disk space.";
  const { status } = error as { status?: unknown };
  if (typeof status === "number") return `It came back with ${status}.`;
  return "No reply: the request failed, as fetch's would.";
}
