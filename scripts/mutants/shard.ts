/**
 * One of the processes that `../mutants.js` deals its jobs to: a Vitest that stays, so that a job costs one
 * test file's run and not a start. What the tests need to know stands in their processes' environment.
 */
import path from "node:path";
import { createVitest } from "vitest/node";
import { isFiled, type Job, type Verdict } from "./job.ts";

const root = path.join(import.meta.dirname, "../..");

const vitest = await createVitest("test", {
  root,
  config: path.join(import.meta.dirname, "vitest.config.ts"),
  watch: false,
  maxWorkers: 1,
  reporters: [{}],
});

/** As a pattern: where a block's title ends, Vitest puts a mark. */
const patternOf = (title: string): string =>
  title.replace(/[^\w ]/g, "\\$&").replaceAll(" ", "( > | )");

async function run({ mutant, file, titles, schedules }: Job): Promise<Verdict> {
  // The same seed with and without a mutant: what differs is the mutant.
  Object.assign(process.env, { TOKENKEEP_SEED: process.env["TOKENKEEP_SEED"] ?? "1" });
  Object.assign(process.env, { TOKENKEEP_MUTANT: mutant, TOKENKEEP_SCHEDULES: `${schedules}` });
  const lane = file.startsWith("test/dom/") ? "dom" : "node";
  const project = vitest.projects.find(({ name }) => name === lane);
  if (!project) throw new Error(`There is no project "${lane}"`);
  const testNamePattern = new RegExp(titles.map(patternOf).join("|"));
  const specification = project.createSpecification(path.join(root, file), { testNamePattern });
  const { testModules: all } = await vitest.runTestSpecifications([specification]);
  // Vitest remembers what it ran before.
  const testModules = all.filter(({ moduleId }) => moduleId === specification.moduleId);
  const tests = testModules.flatMap(({ children }) => [...children.allTests()]);
  const told = titles.map((title) => {
    const filed = tests.filter(({ fullName }) => isFiled(fullName, title));
    const inState = (state: string): readonly string[] =>
      filed.filter((test) => test.result().state === state).map(({ fullName }) => fullName);
    return { title, passed: inState("passed").length, red: inState("failed") };
  });
  const faults = testModules.flatMap((module) => module.errors().map(({ message }) => message));
  return { told, faults };
}

process.on("message", (job: Job) => {
  run(job).then(
    (verdict) => process.send?.(verdict),
    (error: unknown) => process.send?.({ told: [], faults: [String(error)] } satisfies Verdict),
  );
});
process.on("disconnect", () => void vitest.close().finally(() => process.exit()));
process.send?.("ready");
