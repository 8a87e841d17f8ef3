/** VMCloud's default users and its error replies. */
import { json } from "./replies.ts";

export interface VmcloudUser {
  readonly email: string;
  readonly password: string;
  /** Users of one organisation see the same machines. */
  readonly org: string;
  readonly plan: "free" | "pro" | "enterprise";
  /** `vms:read` and `vms:write` are asked for. */
  readonly permissions: readonly string[];
}

/** The default user, who may do everything. */
export const ada: VmcloudUser = {
  email: "ada@example.com",
  password: "correct horse",
  org: "org-analytical",
  plan: "pro",
  permissions: ["vms:read", "vms:write"],
};

/** Another organisation's user, who may only read. */
export const grace: VmcloudUser = {
  email: "grace@example.com",
  password: "battery staple",
  org: "org-compilers",
  plan: "free",
  permissions: ["vms:read"],
};

const messages: Readonly<Record<number, string>> = {
  400: "Malformed request",
  401: "Invalid or expired token",
  403: "Insufficient permissions",
  404: "Not found",
  405: "Method not allowed",
  415: "Content-Type must be application/json",
  429: "Rate limit exceeded",
};

/** An error. The page has codes and descriptions for 401, 403 and 429; the shape is assumed. */
export function problem(code: number, message?: string, headers?: HeadersInit): Response {
  return json(code, { error: { code, message: message ?? messages[code] } }, headers);
}
