/**
 * A Vitest reporter that writes, as JSON into the file named by `TOKENKEEP_TOTALS`, how many tests
 * each project passed, failed and skipped. The `json` reporter of Vitest does not name projects.
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
      }
      // A file that cannot even be loaded counts as one failure: it holds no test to count.
      const broken = module.errors().length;
      totals.failed += broken;
      if (broken > 0) (totals.suites["other"] ??= { passed: 0, failed: 0 }).failed += broken;
    }
    writeFileSync(file, JSON.stringify({ projects, errors: errors.length }));
  }
}
