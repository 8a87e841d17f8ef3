/**
 * A Vitest reporter that writes, as JSON into the file named by `TOKENKEEP_TOTALS`, how many tests
 * each project passed, failed and skipped. The `json` reporter of Vitest does not name projects.
 */

import { writeFileSync } from "node:fs";

/** @typedef {{ passed: number, failed: number, skipped: number }} Totals */

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
      const totals = (projects[module.project.name] ??= { passed: 0, failed: 0, skipped: 0 });
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "pending") totals.failed++;
        else totals[state]++;
      }
      // A file that cannot even be loaded counts as one failure: it holds no test to count.
      totals.failed += module.errors().length;
    }
    writeFileSync(file, JSON.stringify({ projects, errors: errors.length }));
  }
}
