/** A memory for a limited number of entries: the least recently used one is forgotten. */

export interface Recent<Value> {
  /** Counts as a use. */
  get(key: string): Value | undefined;
  /** Does not count as a use. */
  peek(key: string): Value | undefined;
  set(key: string, value: Value): Value;
  forget(key: string): void;
}

export function createRecent<Value>(most: number): Recent<Value> {
  // A Map keeps the order in which its members were set: the first one was not used for longest.
  const all = new Map<string, Value>();

  function set(key: string, value: Value): Value {
    all.delete(key);
    all.set(key, value);
    if (all.size > most) {
      const [oldest] = all.keys();
      if (oldest !== undefined) all.delete(oldest);
    }
    return value;
  }

  return {
    get(key) {
      const found = all.get(key);
      return found === undefined ? undefined : set(key, found);
    },
    peek: (key) => all.get(key),
    set,
    forget: (key) => void all.delete(key),
  };
}
