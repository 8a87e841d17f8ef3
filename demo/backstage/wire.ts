/** What a call to an API is, and how long it is on its way. */
import type { LogEntry } from "./api-log.ts";

const paths: Readonly<Record<string, LogEntry["kind"]>> = {
  "/api/v1/auth/token": "sign-in",
  "/api/v1/auth/refresh": "refresh",
  // A sign-in and what follows it look the same.
  "/get-access-token": "refresh",
  "/auth/login": "sign-in",
  "/auth/page": "sign-in",
  "/auth/refresh": "refresh",
  "/auth/logout": "sign-out",
};
export const kindOf = ({ url }: Request): LogEntry["kind"] =>
  paths[new URL(url).pathname] ?? "request";

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** Takes as long as a network does, so that there is something to see. */
export async function wire(kind: LogEntry["kind"], reply: Response): Promise<Response> {
  const delays = {
    request: 12 + 24 * Math.random(),
    refresh: 600,
    "sign-in": 0,
    "sign-out": 0,
    act: 0,
  };
  if (reply.ok) await sleep(delays[kind]);
  return reply;
}

/** What script of another origin may read of a reply. */
export const exposed: readonly string[] = ["retry-after", "date", "www-authenticate"];
