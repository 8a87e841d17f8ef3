/** What a mutant is: one export of one module, wrapped so that it breaks one rule. */

/** An export, and what takes its place. A `wrap` is given the original. */
export interface Wrap {
  /** From the repository's folder. */
  readonly module: string;
  readonly export: string;
  readonly wrap: (original: never) => unknown;
}

export interface Mutant extends Wrap {
  readonly name: string;
  /** The requirement that is broken. */
  readonly law: string;
  /** Where one export is not enough. */
  readonly also?: readonly Wrap[];
  /** The file of the test that must turn red. */
  readonly test: string;
  /** A part of its title, the titles around it included. */
  readonly title: string;
}

/** A constant may become any other number or text. */
type Like<T> = T extends number ? number : T extends string ? string : T;

/** Wraps exports of one module. Its types make a renamed export a type error, not a mutant that is lost. */
export const wrapper =
  <Module>(module: string) =>
  <Name extends string & keyof Module>(
    name: Name,
    wrap: (original: Module[Name]) => Like<Module[Name]>,
  ): Wrap => ({ module, export: name, wrap });

/**
 * An object with some members replaced. The others are asked of the original, because a getter's answer
 * changes.
 */
export const over = <T extends object>(original: T, members: Partial<T>): T =>
  new Proxy(original, {
    get: (target, name) =>
      Object.hasOwn(members, name) ? Reflect.get(members, name) : Reflect.get(target, name),
    has: (target, name) => Object.hasOwn(members, name) || name in target,
    ownKeys: (target) => [...new Set([...Reflect.ownKeys(target), ...Reflect.ownKeys(members)])],
    getOwnPropertyDescriptor: (target, name) => ({
      configurable: true,
      enumerable: true,
      writable: true,
      value: Object.hasOwn(members, name) ? Reflect.get(members, name) : Reflect.get(target, name),
    }),
  });
