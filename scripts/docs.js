/**
 * `npm run docs`: builds the site into `docs/site/dist`. The guide is `docs` itself; each error code and
 * reason gets a page from the tables of `docs/errors.md`, and the reference comes from the doc comments.
 * The demo stands under `/demo/`, with its APIs in a service worker. A link that leads nowhere fails. `npm run docs -- --serve` shows the site on this machine.
 */

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { buildDemo } from "../demo/site/build.js";
import { contents } from "../docs/site/contents.js";
import { fail, heading, root, run, seconds, useOwnNode } from "./run.js";

useOwnNode();

const site = path.join(root, "docs", "site");
const pages = path.join(site, "pages");
const { exports, repository } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
/** Where a link to a file of the repository leads. */
const files = `${repository.url.replace(/^git\+|\.git$/g, "")}/blob/main/`;

const started = performance.now();
await installTools();
heading("Pages");
rmSync(pages, { recursive: true, force: true });
mkdirSync(path.join(pages, "errors"), { recursive: true });
writeGuide();
writeErrors();
await writeReference();
heading("Demo");
await buildDemo(path.join(pages, "public", "demo"));
heading("Site");
await vitepress("build");
checkAnchors();
console.log(`The site stands in docs/site/dist (${seconds(started)})`);
if (process.argv.includes("--serve")) await vitepress("preview", "--host", "127.0.0.1");

/** They have a lock file of their own: typedoc wants another TypeScript than the library. */
async function installTools() {
  if (existsSync(path.join(site, "node_modules", "vitepress"))) return;
  heading("The site's tools");
  const { ok } = await run("npm", ["ci", "--prefix", site, "--no-audit", "--no-fund"]);
  if (!ok) fail("Could not install the tools that build the site: is there a registry?");
}

/** VitePress looks that each link has a page; here, that the page has the heading. */
function checkAnchors() {
  const dist = path.join(site, "dist");
  const names = readdirSync(dist, { recursive: true, encoding: "utf8" });
  checkDemo(dist, new Set(names));
  const read = names
    .filter((name) => name.endsWith(".html"))
    .map((name) => ({ name, html: readFileSync(path.join(dist, name), "utf8") }));
  const all = (/** @type {string} */ html, /** @type {RegExp} */ pattern) =>
    [...html.matchAll(pattern)].map(([, found = ""]) => decodeURIComponent(found));
  const headings = new Map(
    read.map(({ name, html }) => [
      `/${name}`.replace(/(index)?\.html$/, ""),
      new Set(all(html, / id="([^"]+)"/g)),
    ]),
  );
  const missing = read.flatMap(({ name, html }) =>
    all(html, / href="([^":]*#[^"]+)"/g)
      .map((link) => new URL(link, `http://site/${name.replace(/(index)?\.html$/, "")}`))
      .filter(
        ({ pathname, hash }) => !headings.get(pathname)?.has(decodeURIComponent(hash.slice(1))),
      )
      .map(({ pathname, hash }) => `${name}: ${pathname}${hash}`),
  );
  if (missing.length > 0) fail("These links lead to no heading:", ...new Set(missing));
}

/** VitePress does not look at the links of the demo's pages. @param {string} dist @param {Set<string>} names */
function checkDemo(dist, names) {
  for (const name of [...names].filter((one) => /^demo\/\w+\.html$/.test(one))) {
    const html = readFileSync(path.join(dist, name), "utf8");
    for (const [, target = ""] of html.matchAll(/ (?:href|src)="(\.[^"]*)"/g)) {
      const { pathname } = new URL(target, `http://site/${name}`);
      const file = pathname.slice(1).replace(/(^|\/)$/, "$1index.html");
      if (!names.has(file) && !names.has(`${file}.html`))
        fail(`${name} has a link that leads nowhere: ${target}`);
    }
  }
}

/** @param {...string} words */
async function vitepress(...words) {
  const script = path.join(site, "node_modules", "vitepress", "bin", "vitepress.js");
  const { ok } = await run(process.execPath, [script, ...words, site]);
  if (!ok) fail("Could not build the site: the reason stands above.");
}

/** The pages of `docs`, and those of the repository's top level under names in small letters. */
function writeGuide() {
  const titled = new Set(contents.flatMap(({ pages: some }) => some.map(([page]) => page)));
  const guide = readdirSync(path.join(root, "docs")).filter((name) => name.endsWith(".md"));
  for (const name of guide) {
    if (!titled.has(name.replace(".md", "")))
      fail(`docs/${name} has no place in docs/site/contents.js: give it one.`);
    write(name, translate(`docs/${name}`));
  }
  write("index.md", translate("README.md"));
  for (const name of ["SECURITY", "CONTRIBUTING", "CHANGELOG"])
    write(`${name.toLowerCase()}.md`, translate(`${name}.md`));
  const pictures = readdirSync(path.join(root, "docs")).filter((name) => name.endsWith(".svg"));
  for (const name of pictures) cpSync(path.join(root, "docs", name), path.join(pages, name));
  cpSync(path.join(root, "demo", "picture.webp"), path.join(pages, "picture.webp"));
}

/** @param {string} name @param {string} text */
function write(name, text) {
  writeFileSync(path.join(pages, name), text);
}

/**
 * A page of the repository as one of the site: links between pages stay within the site and say the page's
 * title instead of its file's name; links to other files lead to the repository.
 *
 * @param {string} file
 */
function translate(file) {
  const text = readFileSync(path.join(root, file), "utf8");
  const links = /\[([^\]]*)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)/g;
  return text.replace(links, (_, words, target, part = "") => {
    const found = path.posix.join(path.posix.dirname(file), target);
    const place = placeOf(found);
    const isName = place !== undefined && words.endsWith(".md");
    return `[${isName ? titleOf(found) : words}](${place ?? files + found}${part})`;
  });
}

/** @param {string} file */
function titleOf(file) {
  const [, title = file] = /^# (.+)$/m.exec(readFileSync(path.join(root, file), "utf8")) ?? [];
  return title;
}

/** A file's place on the site, if it has one. @param {string} file */
function placeOf(file) {
  if (file === "README.md") return "./index.md";
  if (file === "demo/picture.webp") return "./picture.webp";
  if (/^(SECURITY|CONTRIBUTING|CHANGELOG)\.md$/.test(file)) return `./${file.toLowerCase()}`;
  return /^docs\/[\w-]+\.(md|svg)$/.test(file) ? file.replace("docs/", "./") : undefined;
}

/** A page for each code and reason: whoever looks for the word of an error finds cause and cure. */
function writeErrors() {
  const text = translate("docs/errors.md").replaceAll("](./", "](../");
  const codes = rowsOf(text, "## Codes");
  const reasons = rowsOf(text, "## Reasons");
  for (const [name, cause, cure] of [...codes, ...reasons]) {
    const kind = codes.some(([code]) => code === name) ? "code" : "reason";
    const lines = [
      `# \`${name}\``,
      `${name} is the \`${kind}\` of a \`VaultError\`: [all of them](../errors.md).`,
      `## Cause\n\n${capital(cause)}.`,
      `## What to do\n\n${capital(cure)}.`,
    ];
    write(`errors/${name}.md`, `${lines.join("\n\n")}\n`);
  }
  const list = [...codes, ...reasons].map(([name]) => ({ text: name, link: `/errors/${name}` }));
  write("errors/sidebar.json", JSON.stringify(list));
}

/**
 * The rows of the table under a heading: name, cause, cure.
 *
 * @param {string} text
 * @param {string} title
 * @returns {[name: string, cause: string, cure: string][]}
 */
function rowsOf(text, title) {
  const [, after = ""] = text.split(`${title}\n`);
  const [part = ""] = after.split("\n## ");
  const rows = [...part.matchAll(/^\| `(\w+)` \| (.+) \| (.+) \|$/gm)];
  return rows.map(([, name = "", cause = "", cure = ""]) => [name, cause, cure]);
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The reference, by typedoc from the doc comments: a page for each subpath of the package. */
async function writeReference() {
  const subpaths = Object.keys(exports)
    .filter((name) => !name.endsWith(".json"))
    .map((name) => name.replace(/^\.\/?/, ""));
  const out = path.join(pages, "reference");
  const options = {
    entryPoints: subpaths.map((name) => path.join(root, "src", `${name || "index"}.ts`)),
    tsconfig: path.join(root, "tsconfig.build.json"),
    plugin: ["typedoc-plugin-markdown"],
    out,
    readme: "none",
    router: "module",
    // The library is checked by the TypeScript that it is built with.
    skipErrorChecking: true,
    disableSources: true,
    hidePageHeader: true,
    hideBreadcrumbs: true,
    parametersFormat: "table",
    interfacePropertiesFormat: "table",
    entryFileName: "all",
    useHTMLAnchors: true,
  };
  const file = path.join(site, "typedoc.json");
  writeFileSync(file, JSON.stringify(options));
  const script = path.join(site, "node_modules", "typedoc", "bin", "typedoc");
  const { ok } = await run(process.execPath, [script, "--options", file], { quiet: true });
  rmSync(file);
  if (!ok) fail("Could not make the reference from the doc comments.");
  for (const subpath of subpaths) {
    const page = path.join(out, `${subpath || "index"}.md`);
    const text = readFileSync(page, "utf8");
    writeFileSync(page, text.replace(/^# .+$/m, `# ${packageName(subpath)}`));
  }
  const list = subpaths.map((name) => ({ text: packageName(name), link: `/reference/${name}` }));
  writeFileSync(path.join(out, "sidebar.json"), JSON.stringify(list));
  rmSync(path.join(out, "all.md"));
}

/** @param {string} subpath */
function packageName(subpath) {
  return subpath === "" ? "tokenkeep" : `tokenkeep/${subpath}`;
}
