/// <reference types="vite/client" />
/**
 * The code beside the buttons, lightly coloured: what an application writes, as the files of
 * `demo/paste` have it; and what the demo does, cut out of the very files that run, between
 * `// #region name` and `// #endregion`.
 */
import { apis } from "../app/apis.ts";
import worker from "../worker.ts?raw";
// It is the text of the file.
// oxlint-disable-next-line import/default
import workerApis from "../worker-apis.ts?raw";

const files = import.meta.glob<string>(
  [
    "../app/actions.ts",
    "../app/login.ts",
    "../app/providers.ts",
    "../app/requests.ts",
    "../tabs/trace.ts",
    "../app/vault.worker.ts",
    "../app/vaults.ts",
  ],
  {
    query: "?raw",
    import: "default",
    eager: true,
  },
);
const programs = import.meta.glob<string>("../paste/*.ts", {
  query: "?raw",
  import: "default",
  eager: true,
});

/** What an application writes, whole, for pasting; empty if there is no such program. */
export const program = (name: string): string => programs[`../paste/${name}.ts`]?.trim() ?? "";

/** The Worker is for copying, and so has no marks: it is shown from its first declaration on. */
const fromExport = (code: string): string => code.slice(code.indexOf("export const"));
const mark = (name: string, code: string): string => `// #region ${name}\n${code}// #endregion`;

/** What the Worker knows of one API: the members of this name. */
const linesOf = (id: string): string =>
  fromExport(workerApis).replaceAll(
    /^ {2}"?([\w-]+)"?: .*\n(?: {4}.*\n| {2}\}.*\n)*/gm,
    (member, name) => (name === id ? member : ""),
  );

const sources = [
  ...Object.values(files),
  mark("edge", `// worker.ts\n${fromExport(worker)}`),
  ...apis.map(({ id }) =>
    mark(`edge-${id}`, `// worker-apis.ts, without the other APIs\n${linesOf(id)}`),
  ),
].join("\n");

/** The lines of a region, moved to the left; empty if there is none. */
export function region(name: string): string {
  const lines = sources.split("\n");
  const first = lines.findIndex((line) => line.trim() === `// #region ${name}`);
  if (first < 0) return "";
  const last = lines.findIndex((line, at) => at > first && line.trim() === "// #endregion");
  const body = lines.slice(first + 1, last);
  const indent = Math.min(
    ...body.filter((line) => line.trim() !== "").map((line) => line.search(/\S/)),
  );
  return body.map((line) => line.slice(indent)).join("\n");
}

const token =
  /(\/\/.*)|("(?:[^"\\]|\\.)*"|`[^`]*`)|\b(import|from|export|const|async|await|function|return|if|for|of|new|type|throw)\b|\b(vault|createVault|connectVault|serveVault)\b/g;
const classes = ["", "comment", "string", "keyword", "vault"] as const;

/** The same text in spans; nothing in it is markup. */
export function colour(code: string): DocumentFragment {
  const out = document.createDocumentFragment();
  let at = 0;
  for (const match of code.matchAll(token)) {
    out.append(code.slice(at, match.index));
    const span = document.createElement("span");
    span.className = classes[match.slice(1).findIndex((group) => group !== undefined) + 1] ?? "";
    span.textContent = match[0];
    out.append(span);
    at = match.index + match[0].length;
  }
  out.append(code.slice(at));
  return out;
}
