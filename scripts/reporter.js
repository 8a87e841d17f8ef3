/**
 * A Vitest reporter that writes, as JSON into the file named by `TOKENKEEP_TOTALS`, how many tests
 * each project passed, failed and skipped, and what failed. The `json` reporter of Vitest does not
 * name projects.
 */

import { writeFileSync } from "node:fs";

/**
 * @typedef {object} Totals
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {Record<string, { passed: number, failed: number }>} suites by suite
 */

/** What the outermost title of a test begins with, and the suite that it belongs to. */
const suites = /** @type {const} */ ([
  [/^(store contract|indexedDbStore)\b/, "store"],
  [/^encrypted over\b/, "sealing"],
  [/^(lock contract|webLocks)\b/, "lock"],
  [/^provider contract\b/, "provider"],
  [/^fetch contract\b/, "fetch"],
  [/^wretch\b/, "wretch"],
  [/^webhooks\b/, "webhook"],
]);

/** The suites, in the order in which they are shown; `other` is what belongs to none. */
export const suiteNames = [...suites.map(([, name]) => name), "other"];

export default class TotalsReporter {
  /**
   * @param {readonly import("vitest/node").TestModule[]} modules
   * @param {readonly unknown[]} errors what was thrown outside of any test
   */
  onTestRunEnd(modules, errors) {
    const file = process.env["TOKENKEEP_TOTALS"];
    if (!file) return;
    /** @type {Record<string, Totals>} */
    const projects = {};
    /** @type {string[]} */
    const failed = [];
    for (const module of modules) {
      const { name } = module.project;
      const totals = (projects[name] ??= { passed: 0, failed: 0, skipped: 0, suites: {} });
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        const outcome = state === "pending" ? "failed" : state;
        totals[outcome]++;
        const [, suite] = suites.find(([begin]) => begin.test(test.fullName)) ?? ["", "other"];
        const counts = (totals.suites[suite] ??= { passed: 0, failed: 0 });
        if (outcome !== "skipped") counts[outcome]++;
        if (outcome === "failed") {
          const what = `${name}: ${module.relativeModuleId} > ${test.fullName}`;
          const { networkFaults = [] } = test.meta();
          failed.push([tell(what, test.result()), ...networkFaults].join("\n    "));
        }
      }
      // A file that cannot even be loaded counts as one failure: it holds no test to count.
      const broken = module.errors().length;
      totals.failed += broken;
      if (broken > 0)
        failed.push(tell(`${name}: ${module.relativeModuleId}`, { errors: module.errors() }));
      if (broken > 0) (totals.suites["other"] ??= { passed: 0, failed: 0 }).failed += broken;
    }
    for (const error of errors) {
      const { message = String(error), stack = "" } = /** @type {Partial<Error>} */ (error ?? {});
      const at = stack.split("\n").slice(1, 6).join("\n");
      failed.push(
        tell("thrown outside of any test", { errors: [{ message: `${message}\n${at}` }] }),
      );
    }
    writeFileSync(file, JSON.stringify({ projects, errors: errors.length, failed }));
  }
}

/**
 * What failed and why, in a few lines: the end of a long log may be all that is kept of it.
 *
 * @param {string} what
 * @param {{ errors?: readonly { message?: string }[] | undefined }} result
 */
function tell(what, { errors = [] }) {
  // eslint-disable-next-line no-control-regex -- the colours of Vitest's own messages
  const text = (errors[0]?.message ?? "no reason told").replace(/\u001b\[\d+m/g, "");
  const lines = text.split("\n").map((line) => line.slice(0, 300));
  // What a program has said ends with why it failed.
  const shown = lines.length > 20 ? [...lines.slice(0, 5), "…", ...lines.slice(-15)] : lines;
  return `${what}\n    ${shown.join("\n    ")}`;
}
