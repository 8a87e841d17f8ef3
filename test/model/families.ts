/** All families of schedules. */
import { firstFamilies } from "./families-first.ts";
import { cookieFamilies } from "./families-cookies.ts";
import { placeFamilies } from "./families-places.ts";
import { serverFamilies } from "./families-servers.ts";
import type { Family } from "./family.ts";

export const families: readonly Family[] = [
  ...firstFamilies,
  ...serverFamilies,
  ...placeFamilies,
  ...cookieFamilies,
];
