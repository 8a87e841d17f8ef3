/** Vitest under Deno and Bun: whichever evaluates this file runs its own tests, in its own threads. */
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const runtime = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : undefined;
if (!runtime) throw new Error("Start this with Deno or Bun: npm test does");

/** The file that waits for the next whole minute begins first, so that the others run meanwhile. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const waits = ({ moduleId }: TestSpecification): boolean => moduleId.endsWith("cron.test.ts");
    const sorted = await super.sort(files);
    return [...sorted.filter(waits), ...sorted.filter((file) => !waits(file))];
  }
}

export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    name: runtime,
    root: `${import.meta.dirname}/../..`,
    include: [
      `test/runtimes/${runtime}.test.ts`,
      `test/${runtime}/**/*.test.ts`,
      "test/runtimes/shortest-programs.test.ts",
    ],
    globalSetup: [`${import.meta.dirname}/control-process.ts`],
    // What each can: Deno 2.9 no threads to the end, Bun 1.4 no forks.
    pool: runtime === "deno" ? "forks" : "threads",
    sequence: { sequencer: LongestFirst },
    ...(runtime === "deno" && { maxWorkers: 2 }),
    testTimeout: 20_000,
    hookTimeout: 20_000,
    expect: { poll: { timeout: 15_000 } },
  },
});
