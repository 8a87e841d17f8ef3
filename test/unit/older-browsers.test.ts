/** From which browsers on all but a redirect works, by `docs/support.md`: nothing newer is used there unasked. */
import { parseSync, Visitor } from "vite";
import { expect, it } from "vitest";
import { readSources, type Source } from "./sources.ts";

/** What a page can import, each with all that it imports. */
const isDoor = ({ name }: Source): boolean =>
  /^(index|browser|worker|oauth|jwt|webhook|wretch|vaults|problem)$/.test(name) ||
  /^(providers|locks|channels\/broadcast|stores\/(memory|indexeddb|encrypted))/.test(name);

/** Younger than Chrome 103, Firefox 104 or Safari 16. */
const YOUNGER = new Set([
  ...["AbortSignal.any", "Array.fromAsync", "Map.groupBy", "Object.groupBy", "Promise.try"],
  ...["Promise.withResolvers", "Response.json", "URL.canParse", "URL.parse"],
  ...["Uint8Array.fromBase64", "Uint8Array.fromHex", "RegExp.escape", "Error.isError"],
]);
const YOUNGER_METHODS = new Set([
  ...["toSorted", "toReversed", "toSpliced", "isWellFormed", "toWellFormed", "toBase64", "toHex"],
  ...["union", "intersection", "difference", "isSubsetOf", "isSupersetOf", "isDisjointFrom"],
]);

/** Where a file does without, and is tested so. */
const ASKED: Readonly<Record<string, string>> = {
  // In a `try`: an older runtime keeps the signal that it has.
  "request/send": "AbortSignal.any",
};

function youngerIn({ name, text }: Source): string[] {
  const found: string[] = [];
  new Visitor({
    MemberExpression({ object, property }) {
      if (property.type !== "Identifier") return;
      const whole = object.type === "Identifier" ? `${object.name}.${property.name}` : "";
      if (YOUNGER.has(whole)) found.push(whole);
      else if (YOUNGER_METHODS.has(property.name)) found.push(property.name);
    },
  }).visit(parseSync(`${name}.ts`, text).program);
  return found;
}

it("what an older browser lacks is not used where browsers go", () => {
  const sources = new Map(readSources().map((source) => [source.name, source]));
  const reached = new Set([...sources.values()].filter(isDoor));
  // A set that grows while it is walked is walked to its end.
  for (const { imports } of reached)
    for (const name of imports) {
      const source = sources.get(name);
      if (source) reached.add(source);
    }
  expect(reached.size).toBeGreaterThan(120);
  expect(reached.size).toBeLessThan(sources.size);
  const younger = [...reached].flatMap((source) =>
    youngerIn(source)
      .filter((used) => ASKED[source.name] !== used)
      .map((used) => `${source.name}: ${used}`),
  );
  expect(younger).toEqual([]);
});

it("a younger one would be seen", () => {
  const text = "export const one = Response.json({}); export const two = [1].toSorted();";
  const source: Source = { name: "one", text, lines: 1, imports: [] };
  expect(youngerIn(source)).toEqual(["Response.json", "toSorted"]);
});
