/** The documentation's tables leave nothing out, and its links lead somewhere. */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { pages, read, root, snippetsOf } from "./pages.ts";

/** Whether a link has a file, and its part a heading there. */
function leads(file: string, part: string): boolean {
  const isThere = existsSync(path.join(root, file));
  if (!isThere || part === "") return isThere;
  const titles = [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) => title);
  const anchors = titles.map((title) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, "")
      .replaceAll(" ", "-"),
  );
  return anchors.includes(part);
}

it("no sample that people paste declares a reuse window: few servers have one", () => {
  const samples = pages.flatMap((page) => snippetsOf(page, read(page)));
  const declaring = samples.filter(({ code }) => code.includes("reuseWindow"));
  expect(declaring.map(({ place }) => place)).toEqual([]);
});

describe("tables", () => {
  /** What the first cells of a page's tables name. */
  const namedBy = (page: string): Set<string | undefined> =>
    new Set(
      [...read(page).matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = ""]) =>
        [...cell.matchAll(/`(?:Symbol\.)?([\w-]+)/g)].map(([, name]) => name),
      ),
    );
  /** What a declaration of `file` lists, as `pattern` finds it. */
  const listed = (file: string, start: string, end: string, pattern: RegExp): string[] => {
    const text = read(file);
    const from = text.indexOf(start);
    return [...text.slice(from, text.indexOf(end, from)).matchAll(pattern)].map(
      ([, name]) => name!,
    );
  };

  it.each([
    ["errors", "error code", "src/errors.ts", "type VaultErrorCode", ";\n", /^ {2}\| "(\w+)"/gm, 9],
    ["errors", "reason", "src/errors.ts", "type VaultErrorReason", ";\n", /^ {2}\| "(\w+)"/gm, 7],
    ["errors", "flaw of a token", "src/errors.ts", "type TokenFlaw", ";\n", /^ {2}\| "(\w+)"/gm, 7],
    [
      "vault",
      "option",
      "src/types.ts",
      "interface VaultOptions",
      "\n}",
      /^ {2}readonly (\w+)/gm,
      15,
    ],
    [
      "vault",
      "member of the vault",
      "src/vault/contract.ts",
      "interface Vault<",
      "\n}",
      /^ {2}(?:readonly )?\[?(?:Symbol\.)?(\w+)/gm,
      13,
    ],
    [
      "state",
      "event",
      "src/refresh/contract.ts",
      "type EngineEventType",
      ";\n",
      /^ {2}\| "([\w-]+)"/gm,
      7,
    ],
    [
      "state",
      "event",
      "src/vault/contract.ts",
      "interface VaultEvent",
      "readonly account",
      /\| "(\w+)"/g,
      2,
    ],
  ])("docs/%s.md has every %s of %s", (page, _, file, start, end, pattern, least) => {
    const named = namedBy(`docs/${page}.md`);
    const names = listed(file, start, end, pattern);
    expect(names.length).toBeGreaterThanOrEqual(least);
    expect(names.filter((name) => !named.has(name))).toEqual([]);
  });

  it("each error code and reason has its cause and what to do, from which the site makes a page", () => {
    const rows = read("docs/errors.md").split("## Handling one")[0]!;
    const named = [...namedBy("docs/errors.md")].filter((name) => rows.includes(`| \`${name}\` |`));
    const cured = rows.matchAll(/^\| `(\w+)` \| [^|]+ \| [^|]+ \|$/gm);
    const whole = new Set([...cured].map(([, name]) => name));
    expect(named.length).toBeGreaterThan(60);
    expect(named.filter((name) => !whole.has(name))).toEqual([]);
  });

  it("CONTRIBUTING.md names every script", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const contributing = read("CONTRIBUTING.md");
    const names = Object.keys(scripts).filter((name) => name !== "prepack");
    expect(names.filter((name) => !RegExp(`\\b${name}\\b`).test(contributing))).toEqual([]);
  });

  it("CONTRIBUTING.md draws every room of src", () => {
    const [, drawing = ""] = /```\n(entries .*?)```/s.exec(read("CONTRIBUTING.md")) ?? [];
    const rooms = readdirSync(path.join(root, "src"), { withFileTypes: true }).map((entry) =>
      entry.isDirectory() ? `${entry.name}/` : entry.name,
    );
    expect(rooms.length).toBeGreaterThan(15);
    expect(rooms.filter((room) => !drawing.includes(room))).toEqual([]);
  });

  it("every file or folder of the repository that a page names is there", () => {
    const gone = pages.flatMap((page) =>
      [...read(page).matchAll(/`((?:src|test|scripts|demo|docs)\/[\w./-]+)`/g)]
        .filter(([, file = ""]) => !existsSync(path.join(root, file)))
        .map(([, file]) => `${page}: ${file}`),
    );
    expect(gone).toEqual([]);
  });

  it("every link inside the repository leads to a file, and every #part to a heading", () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https:)([^)#]*)#?([^)]*)\)/g)]
        .map(([, file = "", part = ""]) => [
          file ? path.join(path.dirname(page), file) : page,
          part,
        ])
        .filter(([file = "", part = ""]) => !leads(file, part))
        .map((link) => `${page}: ${link.join("#")}`),
    );
    expect(broken).toEqual([]);
    expect(leads("README.md", "no-such-part") || leads("docs/none.md", "")).toBe(false);
  });
});
