/** Whether a worker runs the vault, or each tab its own: one choice for all tabs of this browser. */
const KEY = "tokenkeep-demo-in-page";

export function wantsWorker(): boolean {
  try {
    return localStorage.getItem(KEY) === null;
  } catch {
    // Site data is not allowed: the page says so by itself.
    return true;
  }
}

/** For the next load of a page. */
export function wantWorker(on: boolean): void {
  if (on) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, "");
}
