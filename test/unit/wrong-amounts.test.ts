/** Options that are amounts: one that is none is told at once, by every kind of vault. */
import { describe, expect, it } from "vitest";
import { createVault as createBrowserVault } from "../../src/browser.ts";
import { createVault as createDenoVault } from "../../src/deno.ts";
import { createVault } from "../../src/index.ts";
import { createVault as createNodeVault } from "../../src/node.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { connectVault, serveVault } from "../../src/worker.ts";
import { acme } from "../support/fake-api.ts";
import { closedAfter } from "../support/vault.ts";

const wrong: readonly unknown[] = [Number.NaN, -1, -Infinity, "5000", null, 5n, {}];
const right: readonly (number | undefined)[] = [0, 0.5, 20_000, Infinity, undefined];
const invalid = expect.objectContaining({ code: "invalid_option" }) as object;

type Make = (options: object) => unknown;

const overStore =
  (make: (options: never) => { close(): void }): Make =>
  (options) =>
    closedAfter(make({ provider: acme(), store: memoryStore(), ...options } as never));

const makers: readonly (readonly [string, Make, readonly string[]])[] = [
  ...(
    [
      ["createVault", createVault],
      ["createVault of tokenkeep/browser", createBrowserVault],
      ["createVault of tokenkeep/deno", createDenoVault],
      ["createVault of tokenkeep/node", createNodeVault],
    ] as const
  ).map(
    ([name, make]) =>
      [name, overStore(make), ["patience", "maxStaleness", "maxReplayBytes"]] as const,
  ),
  [
    "serveVault",
    (options) => serveVault({ provider: acme(), store: memoryStore(), ...options }),
    ["patience", "maxStaleness", "maxReplayBytes"],
  ],
  [
    "connectVault",
    (options) => closedAfter(connectVault(() => new Promise<never>(() => {}), options)),
    ["timeout", "maxReplayBytes"],
  ],
];

describe.each(makers)("%s", (_, make, names) => {
  it.each(names)("refuses a %s that is no number from 0 on [S17 P10]", (name) => {
    for (const amount of wrong) expect(() => make({ [name]: amount })).toThrow(invalid);
  });

  it.each(names)("takes any other %s, no limit among them [P10]", (name) => {
    for (const amount of right) expect(() => make({ [name]: amount })).not.toThrow();
  });
});
