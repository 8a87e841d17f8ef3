/** JSON from outside, and objects whose members are their own (S10, S15). */

/** Narrows an unknown value to an object whose members may be looked at. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A copy without a prototype, so that a polluted `Object.prototype` adds no member to it (S15). */
export const own = <T extends object>(value: T): T => ({ __proto__: null, ...value });

/** As `JSON.parse`, but no object in it has a prototype, at any depth (S15). */
export const parse = (text: string): unknown =>
  JSON.parse(text, (_, value: unknown) =>
    isObject(value) ? Object.setPrototypeOf(value, null) : value,
  );

/** A JSON value's copy, so that whoever gave it may change theirs. What is no JSON stays as it is. */
export function copyOf(value: unknown): unknown {
  try {
    return parse(JSON.stringify(value));
  } catch {
    return value;
  }
}

/** For `JSON.parse`: no object in it has a prototype (S15), and nothing in it can be changed. */
export const bareAndFrozen = (_: string, value: unknown): unknown =>
  Object.freeze(isObject(value) ? Object.setPrototypeOf(value, null) : value);

/** Whether a member is the object's own or its class's, and not only that of `Object.prototype` (S15). */
export function says(object: object, name: string): boolean {
  const root = Object.prototype;
  if (!Object.hasOwn(root, name)) return true;
  let at: unknown = object;
  while (at && at !== root && !Object.hasOwn(at, name)) at = Object.getPrototypeOf(at);
  return !!at && at !== root;
}
