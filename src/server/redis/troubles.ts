/**
 * What an application's client is told while it connects. Its commands wait meanwhile, so that a login that is
 * refused would look like a server that does not answer.
 */
import { memberOf } from "../../guard/thrown.ts";

/**
 * How Redis up to 6.2 begins the error of a command that a script calls: with the script, and with the command's place
 * in it, once or twice. The command's own word follows, with or without a dash. What stands behind that is no word of
 * Redis: it may show what is stored (S4).
 */
const IN_SCRIPT = /^ERR Error running script \([^)]*\): (?:@user_script: ?\d+: )+-?([A-Z]{3,}) /;

/** The word that an error of Redis itself begins with; an empty text for any other error. */
export function wordOf(error: unknown): string {
  const message = memberOf(error, "message");
  if (typeof message !== "string") return "";
  const [, word] = IN_SCRIPT.exec(message) ?? /^([A-Z]+)(?: |$)/.exec(message) ?? [];
  return word ?? "";
}

/** No other try brings an answer to these, unless somebody changes the user or the client. */
const REFUSALS: ReadonlySet<string> = new Set(["NOAUTH", "WRONGPASS", "NOPERM"]);

/** A client that tells its errors by events. */
interface Emitter {
  on?(event: string | symbol, listener: (...args: never[]) => void): unknown;
}

/** What stands in a client's way since it could be used last. */
export interface Troubles {
  note(error: unknown): void;
  clear(): void;
  /** The last error. */
  last(): unknown;
  /** Throws if that is a refused login. */
  check(): void;
}

/** One for each client, and one listener: an application may make many stores over it. */
const known = new WeakMap<object, Troubles>();

function createTroubles(): Troubles {
  let last: unknown;
  return {
    note(error) {
      // A cluster's own error has the one of the node that it asked last.
      last = memberOf(error, "lastNodeError") ?? error;
    },
    clear() {
      last = undefined;
    },
    last: () => last,
    check() {
      if (REFUSALS.has(wordOf(last))) throw last;
    },
  };
}

/**
 * Watches a client. Errors are monitored and not listened for, because a listener would take the place of the one
 * that the application has forgotten: then the client is silent, where it would have said something.
 *
 * @see https://nodejs.org/api/events.html#eventseventserrormonitor
 */
export function troublesOf(client: Emitter): Troubles {
  const found = known.get(client) ?? createTroubles();
  if (known.has(client)) return found;
  known.set(client, found);
  const monitor = memberOf(client.constructor, "errorMonitor");
  if (typeof monitor === "symbol") client.on?.(monitor, found.note);
  client.on?.("ready", found.clear);
  return found;
}
