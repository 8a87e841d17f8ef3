/** How a test API wants its tokens shown, and which token a request shows in that way. */

export interface Shown {
  readonly header: string;
  /** Absent where the header has the token alone; with `Basic` the token is the password. */
  readonly scheme?: string | undefined;
}

function passwordIn(credential: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(credential), (character) => character.charCodeAt(0));
    const pair = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return pair.includes(":") ? pair.slice(pair.indexOf(":") + 1) : undefined;
  } catch {
    return undefined;
  }
}

export function tokenIn(headers: Headers, { header, scheme }: Shown): string | undefined {
  const [first = "", second, ...more] = headers.get(header)?.split(" ") ?? [];
  if (scheme === undefined) return second === undefined ? first : undefined;
  const isShown = first.toLowerCase() === scheme.toLowerCase() && more.length === 0;
  if (!isShown || !second) return undefined;
  return scheme.toLowerCase() === "basic" ? passwordIn(second) : second;
}
