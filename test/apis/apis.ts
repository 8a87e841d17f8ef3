/**
 * The test APIs by the names of their presets: tests, the control server and the demo start any of
 * them from here. Clary is there twice, once for each of its two ways.
 */
import { createArtosApi } from "./artos.ts";
import { createClaryApi } from "./clary.ts";
import type { ApiKind, ApiOptions, TestApi } from "./contract.ts";
import { createQoveryApi } from "./qovery.ts";
import { createSimplismartApi } from "./simplismart.ts";
import { createVmcloudApi, type VmcloudOptions } from "./vmcloud.ts";

export type { Account, ApiKind, ApiOptions, ApiSwitches, TestApi } from "./contract.ts";

export interface ApiEntry {
  create(options?: ApiOptions): TestApi;
  readonly scheme: "Bearer" | "Token";
  /** Whose faults and gates hit a renewal; absent where there is none, or none with a request. */
  readonly renewal?: ApiKind;
  /** Whether a new token can be had after `expireAccessTokens()`. */
  readonly heals: boolean;
  /** What Ada and Grace may both read. */
  readonly read: string;
  /** A POST there makes something; Grace may not. */
  readonly write: string;
  /** Grace's organisation's; for Ada it is forbidden. */
  readonly foreign: string;
}

export const apis = {
  vmcloud: {
    create: createVmcloudApi,
    scheme: "Bearer",
    renewal: "refresh",
    heals: true,
    read: "/v1/vms",
    write: "/v1/vms",
    // Its organisations do not see each other: this is a 404.
    foreign: "/v1/vms/vm-of-grace",
  },
  simplismart: {
    create: createSimplismartApi,
    scheme: "Bearer",
    heals: false,
    read: "/deployments/list/model/",
    write: "/deployments/list/model/",
    foreign: "/deployments/list/model/model-org-compilers/",
  },
  artos: {
    create: createArtosApi,
    scheme: "Bearer",
    renewal: "token",
    heals: true,
    read: "/api/v1/templates/",
    write: "/api/v1/documents/",
    foreign: "/api/v1/documents/document-org-compilers",
  },
  qovery: {
    create: createQoveryApi,
    scheme: "Token",
    heals: false,
    read: "/organization",
    write: "/organization/org-analytical/project",
    foreign: "/organization/org-compilers/project",
  },
  clary: {
    create: createClaryApi,
    scheme: "Bearer",
    heals: false,
    read: "/v1/documents",
    write: "/v1/documents",
    foreign: "/v1/documents/document-org-compilers",
  },
  "clary-jwt": {
    create: (options) => createClaryApi({ mode: "jwt", ...options }),
    scheme: "Bearer",
    heals: true,
    read: "/v1/documents",
    write: "/v1/documents",
    foreign: "/v1/documents/document-org-compilers",
  },
} as const satisfies Record<string, ApiEntry>;

export type ApiName = keyof typeof apis;

/** Starts an API by its preset's name. Options that it does not know are ignored. */
export const createApi = (name: ApiName, options: ApiOptions & VmcloudOptions = {}): TestApi =>
  apis[name].create(options);
