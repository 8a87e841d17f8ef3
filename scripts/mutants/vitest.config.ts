/** The Node and happy-dom lanes of `vite.config.ts`, over modules whose exports a mutant may break. */
import path from "node:path";
import { defineConfig } from "vitest/config";
import type { TestProjectInlineConfiguration } from "vitest/config";
import main from "../../vite.config.ts";
import { mutants } from "./all.ts";
import { mutantsPlugin } from "./plugin.ts";

const isLane = (project: unknown): project is TestProjectInlineConfiguration => {
  const { name } = (project as TestProjectInlineConfiguration).test ?? {};
  return name === "node" || name === "dom";
};

// oxlint-disable-next-line import/no-default-export -- Vitest reads it.
export default defineConfig({
  ...main,
  root: path.join(import.meta.dirname, "../.."),
  plugins: [mutantsPlugin(mutants)],
  test: {
    ...main.test,
    projects: main.test?.projects?.filter(isLane) ?? [],
  },
});
