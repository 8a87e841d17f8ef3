/**
 * Runs before a program: what it asks of an API on the internet is asked of a test server here.
 * `TOKENKEEP_APIS` is a JSON object of origins.
 */
export const origins: readonly (readonly [string, string])[] = Object.entries(
  JSON.parse(process.env["TOKENKEEP_APIS"] ?? "{}") as Record<string, string>,
);
const real = globalThis.fetch;

globalThis.fetch = ((input: string, init?: RequestInit) => {
  const [from, to] = origins.find(([origin]) => input.startsWith(origin + "/")) ?? [];
  if (!from) throw new TypeError(`No test server for ${input}`);
  return real(to + input.slice(from.length), init);
}) as typeof fetch;

/** `TOKENKEEP_AHEAD`: the program's clock goes ahead by so many milliseconds. */
const ahead = Number(process.env["TOKENKEEP_AHEAD"] ?? 0);
if (ahead) {
  const now = Date.now;
  Date.now = () => now() + ahead;
}
