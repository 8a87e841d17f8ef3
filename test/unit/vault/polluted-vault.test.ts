/**
 * A session's life does not change with what somebody has put on `Object.prototype`, whichever name it
 * has: JSON that was merged carelessly puts texts there (S15). All names that members of ours have are
 * tried, so that a new one is as well.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { root, start } from "../../support/programs.ts";

/** By what the platform's objects are known. */
const PLATFORM = ["clone", "stream", "byteLength", "getAll", "sort", "url"];

/** With these there the platform itself makes no property any more: every descriptor inherits them. */
const DESCRIPTORS = new Set(["get", "set"]);

/** What `src` says of itself: the members of its interfaces, and those that it takes apart. */
function members(): string[] {
  const src = path.join(root, "src");
  const names = new Set<string>();
  for (const file of readdirSync(src, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts")) continue;
    const text = readFileSync(path.join(src, file), "utf8");
    for (const [, name = ""] of text.matchAll(/readonly (\w+)\??:|[{,] (\w+)(?= = |, | })/g))
      names.add(name);
  }
  return [...names].filter(
    (name) => name !== "" && !(name in Object.prototype) && !DESCRIPTORS.has(name),
  );
}

it("a session's life is the same with any member's name on Object.prototype [F67 S15]", async () => {
  const names = members();
  expect(names.length).toBeGreaterThan(200);
  for (const known of ["accessToken", "rejected", "expiresAt", "refused", "waited", "isRefusal"])
    expect(names).toContain(known);
  const file = path.join(root, "test/support/polluted-session.ts");
  const env = { NAMES: [...names, ...PLATFORM].join(" ") };
  const printed = JSON.parse(await start(file, env).ended) as object;
  expect(printed).toEqual({ steps: expect.any(Number), differences: [] });
}, 60_000);
