/** Looks for secrets wherever code, a log or a debugger could find them (S4, S7). Node only. */
import { inspect } from "node:util";

/** The forms in which a secret may be written. */
function forms(secret: string): string[] {
  const base64 = Buffer.from(secret).toString("base64").replace(/=+$/, "");
  return [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), base64];
}

/**
 * The places in `value` that hold one of `secrets`: strings, names, own properties, enumerable or
 * not, with string or symbol keys, getters, prototypes, entries, and what the usual ways of
 * printing make of it.
 */
export function findSecrets(value: unknown, secrets: readonly string[]): string[] {
  const wanted = secrets.flatMap(forms);
  const found: string[] = [];
  const seen = new Set<unknown>();

  function check(text: string, path: string): void {
    if (wanted.some((secret) => text.includes(secret))) found.push(path);
  }

  function walk(value: unknown, path: string): void {
    if (typeof value === "string") return check(value, path);
    if (typeof value === "symbol") return check(String(value.description), path);
    if ((typeof value !== "object" && typeof value !== "function") || value === null) return;
    if (seen.has(value)) return;
    seen.add(value);
    for (const print of [String, JSON.stringify, dump]) {
      try {
        check(String(print(value)), `${print.name}(${path})`);
      } catch {
        // Not every object can be printed in every way.
      }
    }
    for (const key of Reflect.ownKeys(value)) {
      check(String(key), `key of ${path}`);
      try {
        walk(Reflect.get(value, key), `${path}.${String(key)}`);
      } catch {
        // Some getters want another receiver.
      }
    }
    if (value instanceof Map || value instanceof Set || value instanceof Headers)
      for (const entry of value) walk(entry, `entry of ${path}`);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== Function.prototype)
      walk(prototype, `prototype of ${path}`);
  }

  walk(value, "value");
  return found;
}

const dump = (value: unknown): string =>
  inspect(value, { showHidden: true, depth: 20, getters: true, maxStringLength: null });
