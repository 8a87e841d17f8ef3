/** Numbers that are cited are defined in docs/requirements.md, and what is defined there is proved. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string): string => readFileSync(path.join(root, file), "utf8");
const page = read("docs/requirements.md");
const [rows = "", unproved = ""] = page.split("## Not yet proved by a test");

/** `S256` is the method of PKCE (RFC 7636 §4.2). */
const NUMBER = /\b(?!S256\b)[SPF]\d{1,3}\b/g;

const numbersIn = (text: string): string[] => text.match(NUMBER) ?? [];

const defined = [...rows.matchAll(/^\| ([SPF]\d+) \|/gm)].map(([, number = ""]) => number);
const listed = numbersIn(unproved);

const filesIn = (folder: string): string[] =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => read(path.join(folder, file)));

/** Texts that end with numbers in brackets. */
const titlesIn = (source: string): string[] =>
  [...source.matchAll(/"[^"\n]*"|`[^`]*`|'[^'\n]*'/g)]
    .map(([literal]) => literal.slice(1, -1))
    .filter((text) => /\w.*\[([SPF]\d{1,3} ?)+\]$/.test(text));

/** The comments of a file, each whole: neighbouring lines of `//` are one. */
const commentsIn = (source: string): string[] =>
  source.match(/\/\*\*[^]*?\*\/|(?:^ *\/\/.*\n)+/gm) ?? [];

/** Whether a comment has words beside its numbers: a reason. */
const hasReason = (comment: string): boolean =>
  (comment.replaceAll(NUMBER, "").match(/[a-z]{2,}/gi) ?? []).length > 4;

const citedByTitles = new Set(filesIn("test").flatMap(titlesIn).flatMap(numbersIn));
const citedInSource = new Set(filesIn("src").flatMap(numbersIn));

it("a title's numbers are found at its end", () => {
  expect(titlesIn('it("a token is sent once [P2 F1]", ')).toHaveLength(1);
  expect(titlesIn('it("P2: a token is sent once", ')).toEqual([]);
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

it("a comment that cites a number gives the reason beside it", () => {
  const citing = filesIn("src")
    .flatMap(commentsIn)
    .filter((comment) => numbersIn(comment).length > 0);
  expect(citing.length).toBeGreaterThan(50);
  expect(citing.filter((comment) => !hasReason(comment))).toEqual([]);
  expect(commentsIn("// F5, S10\n").map(hasReason)).toEqual([false]);
});

it("nothing but a comment of the source cites a number", () => {
  const code = filesIn("src").map((text) => text.replaceAll(/\/\*\*[^]*?\*\/|\/\/.*/g, ""));
  expect(code.flatMap(numbersIn)).toEqual([]);
});

it("every code of a violation in the model begins with a number that is defined", () => {
  const codes = [...read("test/model/violation.ts").matchAll(/^ {2}\| "([SPF]\d+)\./gm)];
  expect(codes.length).toBeGreaterThan(30);
  expect(codes.map(([, number = ""]) => number).filter((one) => !defined.includes(one))).toEqual(
    [],
  );
});
