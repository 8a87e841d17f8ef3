/** Numbers that are cited are defined in docs/requirements.md, and what is defined there is proved. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(path.join(root, "docs/requirements.md"), "utf8");
const [rows = "", unproved = ""] = page.split("## Not yet proved by a test");

const NUMBER = /\b[SPF]\d{1,3}\b/g;

const numbersIn = (text: string): string[] => text.match(NUMBER) ?? [];

const defined = [...rows.matchAll(/^\| ([SPF]\d+) \|/gm)].map(([, number = ""]) => number);
const listed = numbersIn(unproved);

const filesIn = (folder: string): string[] =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(path.join(root, folder, file), "utf8"));

/** Texts that end with numbers in brackets, or begin with numbers and go on in words. */
const titlesIn = (source: string): string[] =>
  [...source.matchAll(/"[^"\n]*"|`[^`]*`|'[^'\n]*'/g)]
    .map(([literal]) => literal.slice(1, -1))
    .filter((text) => /^([SPF]\d{1,3} )+\S|\[([SPF]\d{1,3} ?)+\]$/.test(text));

const citedByTitles = new Set(filesIn("test").flatMap(titlesIn).flatMap(numbersIn));
const citedInSource = new Set(filesIn("src").flatMap(numbersIn));

it("a title's numbers are found at its end and at its beginning", () => {
  expect(titlesIn('it("a token is sent once [P2 F1]", ')).toHaveLength(1);
  expect(titlesIn('it("a token is sent once [P2 F1]", ')).toHaveLength(1);
  expect(titlesIn('violation("P2", "sent twice, against P2")')).toEqual([]);
});

it("each number is defined once, and none is left out", () => {
  for (const [letter, last] of [
    ["S", 20],
    ["P", 21],
    ["F", 103],
  ] as const)
    expect(defined.filter((number) => number.startsWith(letter))).toEqual(
      Array.from({ length: last }, (_, index) => `${letter}${index + 1}`),
    );
});

it("every number that a test's title or the source cites is defined", () => {
  const cited = [...citedByTitles, ...citedInSource];
  expect(cited.length).toBeGreaterThan(100);
  expect(cited.filter((number) => !defined.includes(number))).toEqual([]);
});

it("every number that is defined is cited by a test's title, or listed as not yet proved", () => {
  const missing = defined.filter((number) => !citedByTitles.has(number));
  expect(missing).toEqual(listed);
});
