/** The frameworks whose logins are shown in docs/logins.md, by name. */
import { devise } from "./devise.ts";
import { directus } from "./directus.ts";
import { django } from "./django.ts";
import {
  createFramework,
  type Dialect,
  type FrameworkApi,
  type FrameworkOptions,
} from "./framework.ts";
import { sanctum } from "./sanctum.ts";
import { spring } from "./spring.ts";
import { strapi } from "./strapi.ts";
import { supabase } from "./supabase.ts";
import { wordpress } from "./wordpress.ts";

export const dialects = {
  django,
  sanctum,
  spring,
  supabase,
  devise,
  wordpress,
  strapi,
  directus,
} as const satisfies Record<string, Dialect>;

export type FrameworkName = keyof typeof dialects;

export const frameworks: readonly FrameworkName[] = Object.keys(dialects) as FrameworkName[];

export const isFramework = (name: string): name is FrameworkName => Object.hasOwn(dialects, name);

export const createFrameworkApi = (name: FrameworkName, options?: FrameworkOptions): FrameworkApi =>
  createFramework(dialects[name], options);
