/** What names sessions, attempts and workers. */
import { afterEach, expect, it, vi } from "vitest";
import { randomId } from "../../../src/guard/random.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

it("an id is one for each 128 random bits, in letters that need no quoting", () => {
  const ids = [
    [1, 23, 4, 5],
    [12, 3, 4, 5],
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
  ].map((words) => {
    vi.spyOn(crypto, "getRandomValues").mockImplementation((array) => {
      (array as unknown as Uint32Array).set(words);
      return array;
    });
    return randomId();
  });
  expect(new Set(ids).size).toBe(3);
  // A record's ids are capped at 64.
  for (const id of ids) expect(id).toMatch(/^\w{7,64}$/);
});
