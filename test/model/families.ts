/** All families of schedules. */
import { firstFamilies } from "./families-first.ts";
import type { Family } from "./family.ts";

export const families: readonly Family[] = [...firstFamilies];
