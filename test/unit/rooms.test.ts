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

it("no two files that tests share have one name", () => {
  const names = filesIn("test")
    // What `npm run clients` has installed.
    .filter((file) => !file.split(path.sep).includes("node_modules"))
    .map((file) => path.basename(file))
    // A tool gives its file the name, wherever it stands.
    .filter((name) => !name.endsWith(".test.ts") && name !== "vitest.config.ts");
  expect(names.length).toBeGreaterThan(150);
  const twice = names.filter((name, at) => names.indexOf(name) !== at);
  expect(twice).toEqual([]);
});
