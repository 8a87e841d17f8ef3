/** A browser's cookie jar in front of a server, as far as tests of one token endpoint need it. */
import { vi } from "vitest";
import type { Handler } from "../apis/replies.ts";

/** One jar, which all tabs share. */
export interface BrowserJar {
  readonly cookies: Map<string, string>;
  /** Whether the browser takes the cookies of this site from a page of another site. */
  isBlocking: boolean;
  /** The `fetch` of one tab. */
  fetchOf(handler: Handler): typeof fetch;
}

export function browserJar(): BrowserJar {
  const cookies = new Map<string, string>();

  function take(reply: Response): void {
    for (const line of reply.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split("; ");
      const [name = "", value = ""] = pair.split("=");
      if (attributes.includes("Max-Age=0")) cookies.delete(name);
      else cookies.set(name, value);
    }
  }

  const jar: BrowserJar = {
    cookies,
    isBlocking: false,
    fetchOf: (handler) => async (input, init) => {
      const request = new Request(input, init);
      const isIncluded = init?.credentials === "include" && !jar.isBlocking;
      const sent = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      // `cookie` is a forbidden name for script, so that it travels by another one here.
      if (isIncluded && sent) request.headers.set("x-test-cookie", sent);
      const { signal } = request;
      signal.throwIfAborted();
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
      const reply = await Promise.race([handler(request), aborted]);
      if (isIncluded) take(reply);
      return reply;
    },
  };
  return jar;
}

/** As in a page: `fetch` has a jar. `hostname` is the page's. */
export function beInPage(hostname = "app.acme.test", cookie = ""): void {
  vi.stubGlobal("document", { cookie });
  vi.stubGlobal("location", { hostname });
}
