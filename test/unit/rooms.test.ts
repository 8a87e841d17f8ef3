/** Tests stand where their subject does, and one name means one file. */
import { readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

const filesIn = (folder: string): string[] =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.replaceAll("\\", "/"));

const source = filesIn("src").map((file) => file.replace(/\.ts$/, ""));
const tests = filesIn("test/unit")
  .filter((file) => file.endsWith(".test.ts"))
  .map((file) => file.replace(/\.test\.ts$/, ""));

it("each folder of test/unit is a room of src", () => {
  const rooms = new Set(tests.map((file) => path.dirname(file)).filter((room) => room !== "."));
  expect(rooms.size).toBeGreaterThan(10);
  expect([...rooms].filter((room) => !source.some((file) => file.startsWith(`${room}/`)))).toEqual(
    [],
  );
});

it("a unit test that has the name of a file of src stands in that file's room", () => {
  const named = tests.filter((test) =>
    source.some((file) => path.basename(file) === path.basename(test)),
  );
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((test) => !source.includes(test))).toEqual([]);
});

/** The same thing in each folder: a tool's file, a server, processes that share a folder or a database. */
const ALIKE: ReadonlySet<string> = new Set([
  "databases.ts",
  "family.ts",
  "process.ts",
  "server.ts",
  "setup.ts",
  "vitest.config.ts",
]);

it("no two files that tests share have one name", () => {
  const shared = filesIn("test").filter((file) => !file.endsWith(".test.ts"));
  const names = shared.map((file) => path.basename(file));
  expect(names.length).toBeGreaterThan(150);
  const twice = names.filter((name, at) => names.indexOf(name) !== at && !ALIKE.has(name));
  expect(twice).toEqual([]);
});
