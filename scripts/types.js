/**
 * `npm run types`: writes `test/package/public-types.txt`, every type that a user of the package can see,
 * without comments. A test fails while the file says something else than `src`: who changes a public type
 * does it on purpose, and a reviewer reads the change in one place.
 */

import { mkdtempSync, rmSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fail, root, run, useOwnNode } from "./run.js";

const file = path.join(root, "test", "package", "public-types.txt");

/**
 * The report, as text.
 *
 * @returns {Promise<string>}
 */
export async function reportTypes() {
  // TypeScript 7 has no JavaScript API.
  const { default: ts } = await import("typescript60");
  const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-types-"));
  try {
    const script = path.join(root, "node_modules", "typescript", "bin", "tsc");
    const args = ["-p", "tsconfig.build.json", "--emitDeclarationOnly", "--outDir", folder];
    const { ok } = await run(process.execPath, [script, ...args], { quiet: true });
    if (!ok) fail("Could not report the public types: `npm run check` says why.");
    return report(ts, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * @param {typeof import("typescript60")} ts
 * @param {string} folder where the declarations are
 */
function report(ts, folder) {
  const { exports } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const entries = Object.keys(exports)
    .filter((name) => !name.endsWith(".json"))
    .map((name) => ({
      name: name.replace(/^\./, "tokenkeep"),
      file: path.join(folder, `${name.replace(/^\.\/?/, "") || "index"}.d.ts`),
    }));
  const program = ts.createProgram(
    entries.map(({ file }) => file),
    {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts", "lib.dom.d.ts"],
      types: [],
      noEmit: true,
    },
  );
  const checker = program.getTypeChecker();
  const printer = ts.createPrinter({ removeComments: true });

  /** @typedef {import("typescript60").Symbol} Sign */
  /** @type {Map<Sign, string>} */
  const places = new Map();
  /** @type {Sign[]} what public types stand on without being exported themselves */
  const behind = [];

  const target = (/** @type {Sign} */ sign) =>
    sign.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(sign) : sign;
  const isOurs = (/** @type {Sign} */ sign) =>
    sign.declarations?.some((one) => one.getSourceFile().fileName.startsWith(folder)) ?? false;

  const sections = entries.map(({ name, file }) => {
    const source = program.getSourceFile(file);
    const unit = source && checker.getSymbolAtLocation(source);
    const signs = unit ? checker.getExportsOfModule(unit) : [];
    return { name, signs: [...signs].sort((a, b) => (a.name < b.name ? -1 : 1)) };
  });
  for (const { name, signs } of sections)
    for (const sign of signs)
      if (!places.has(target(sign))) places.set(target(sign), `${name}#${sign.name}`);

  /** Notes what a declaration mentions, and what these mention. @param {import("typescript60").Node} node */
  function follow(node) {
    if (ts.isIdentifier(node)) {
      const sign = checker.getSymbolAtLocation(node);
      const found = sign && target(sign);
      const isType = found && found.flags & (ts.SymbolFlags.Type | ts.SymbolFlags.Variable);
      const isTop = found?.declarations?.some((one) => isStatement(one));
      if (isType && isTop && isOurs(found) && !places.has(found)) {
        places.set(found, `behind#${found.name}`);
        behind.push(found);
        for (const one of found.declarations ?? []) follow(one);
      }
    }
    ts.forEachChild(node, follow);
  }
  const isStatement = (/** @type {import("typescript60").Node} */ node) =>
    ts.isSourceFile(statementOf(node).parent) && !ts.isTypeParameterDeclaration(node);

  /** A variable's declaration stands in a list in a statement. @param {import("typescript60").Node} node */
  function statementOf(node) {
    return ts.isVariableDeclaration(node) ? node.parent.parent : node;
  }

  /** @param {Sign} sign */
  function print(sign) {
    const all = sign.declarations ?? [];
    for (const one of all) follow(one);
    const texts = all.map((one) =>
      printer.printNode(ts.EmitHint.Unspecified, statementOf(one), one.getSourceFile()),
    );
    return [...new Set(texts)].join("\n");
  }

  /** What stands elsewhere, or outside of the package, is only named. @param {string} name @param {Sign} sign */
  function line(name, sign) {
    const found = target(sign);
    const place = `${name}#${sign.name}`;
    if (places.get(found) !== place) return `${sign.name}: as ${places.get(found)}`;
    return isOurs(found) ? print(found) : `${sign.name}: from another package`;
  }

  const parts = sections.map(({ name, signs }) =>
    [`## ${name}`, ...signs.map((sign) => line(name, sign))].join("\n\n"),
  );
  const hidden = [...behind].sort((a, b) => (a.name < b.name ? -1 : 1)).map((one) => print(one));
  return [...parts, ["## Not exported, and part of the above", ...hidden].join("\n\n"), ""].join(
    "\n\n",
  );
}

if (import.meta.filename === process.argv[1]) {
  useOwnNode();
  writeFileSync(file, await reportTypes());
  console.log(`Written: ${path.relative(root, file)}`);
}
