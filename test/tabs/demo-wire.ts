/** Where secrets could come to light in the demo: what its servers see of them, what its pages show. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { BrowserContext, Page } from "playwright";
import { onTestFinished } from "vitest";

/** What goes over the wire, seen from the servers: no browser shows what its workers send. */
export interface Wire {
  /** What was presented as `Authorization`. */
  readonly access: Set<string>;
  /** What replies and requests gave away besides: refresh tokens, passwords, keys, user ids. */
  readonly deep: Set<string>;
}

export function tap(): Wire {
  const access = new Set<string>();
  const named = new Set<string>();
  const names = /^(token|access_token|refresh_token|user_id|userId|apiKey|password)$/;
  const collect = (chunks: readonly unknown[]): void => {
    try {
      const text = Buffer.concat(chunks.map((chunk) => Buffer.from(chunk as string))).toString();
      for (const [name, value] of Object.entries(JSON.parse(text) as object))
        if (names.test(name)) named.add(String(value));
    } catch {
      // No JSON, no secret by name.
    }
  };
  /** Notes what goes through a method, and calls it. */
  const note = (target: object, name: string, chunks: unknown[]): void => {
    const method = Reflect.get(target, name) as (...args: unknown[]) => unknown;
    Reflect.set(target, name, (...args: unknown[]) => {
      if (args[0] && typeof args[0] !== "function") chunks.push(args[0]);
      return method.apply(target, args);
    });
  };
  const onRequest = (message: unknown): void => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    const [, token] = /^\w+ (.+)$/.exec(request.headers.authorization ?? "") ?? [];
    if (token) access.add(token);
    const [asked, answered]: unknown[][] = [[], []];
    note(request, "push", asked!);
    note(response, "write", answered!);
    note(response, "end", answered!);
    response.on("close", () => [asked!, answered!].forEach(collect));
  };
  subscribe("http.server.request.start", onRequest);
  onTestFinished(() => void unsubscribe("http.server.request.start", onRequest));
  return {
    access,
    get deep() {
      return new Set([...named].filter((one) => !access.has(one)));
    },
  };
}

/** Notes in each document, from its start, what messages bring to script there. */
export const listen = (context: BrowserContext): Promise<unknown> =>
  context.addInitScript(() => {
    const heard: string[] = [];
    Object.assign(window, { heard });
    const note = ({ data }: MessageEvent): void => void heard.push(JSON.stringify(data));
    for (const { prototype } of [MessagePort, BroadcastChannel]) {
      const { set } = Object.getOwnPropertyDescriptor(prototype, "onmessage")!;
      Object.defineProperty(prototype, "onmessage", {
        set(listener: (event: MessageEvent) => void) {
          set!.call(this, (event: MessageEvent) => {
            note(event);
            listener.call(this, event);
          });
        },
      });
      const add = prototype.addEventListener as (...args: unknown[]) => void;
      prototype.addEventListener = function (type: string, ...rest: unknown[]) {
        if (type === "message") add.call(this, type, note);
        add.call(this, type, ...rest);
      };
    }
    window.addEventListener("message", note);
  });

export const heardBy = async (page: Page): Promise<string[]> => {
  const all = await Promise.all(
    page.frames().map((frame) => frame.evaluate(() => (window as unknown as Heard).heard)),
  );
  return all.flat();
};

interface Heard {
  readonly heard: string[];
}

/** All that the origin keeps for script, as Latin-1 where it is bytes. */
export const storedBy = (page: Page): Promise<string> =>
  page.evaluate(async () => {
    const texts = [JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])];
    const done = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const collect = (value: unknown): void => {
      if (value instanceof ArrayBuffer) collect(new Uint8Array(value));
      else if (value instanceof Uint8Array) texts.push(String.fromCharCode(...value));
      else if (typeof value === "object" && value) Object.entries(value).flat().forEach(collect);
      else texts.push(String(value));
    };
    for (const { name = "" } of await indexedDB.databases()) {
      const db = await done(indexedDB.open(name));
      for (const store of db.objectStoreNames)
        (await done(db.transaction(store).objectStore(store).getAll())).forEach(collect);
      db.close();
    }
    return texts.join("\n");
  });

/** All that is in the documents, what stands in boxes too. */
export async function textsOf(page: Page): Promise<string> {
  const all = await Promise.all(
    page.frames().map((frame) =>
      frame.evaluate(() => {
        const boxes = [...document.querySelectorAll("input")].map(({ value }) => value);
        return [document.documentElement.outerHTML, location.href, ...boxes].join("\n");
      }),
    ),
  );
  return all.join("\n");
}
