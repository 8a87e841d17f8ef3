/** The Worker that users copy, from `demo/`, in real workerd with its own `wrangler.jsonc`. */
import { exports } from "cloudflare:workers";
import { expect, inject, it } from "vitest";

const counters = async (): Promise<Record<string, number>> =>
  (await fetch(`${inject("vmcloud").control}/counters`)).json() as Promise<Record<string, number>>;
const expire = (): Promise<Response> =>
  fetch(`${inject("vmcloud").control}/expire`, { method: "POST", body: "{}" });

it("P1 fifty visitors at once, with nobody signed in: one sign-in; and then one refresh", async () => {
  const visit = async (): Promise<unknown> => {
    const response = await exports.default.fetch("https://demo.example/?account=acme");
    expect(response.status).toBe(200);
    return response.json();
  };
  const crowd = (): Promise<unknown[]> => Promise.all(Array.from({ length: 50 }, visit));
  const [first] = await crowd();
  expect(JSON.stringify(first)).toContain("vm");
  expect(await counters()).toMatchObject({ signIns: 1, tokenCalls: 0 });
  await expire();
  await crowd();
  expect(await counters()).toMatchObject({ signIns: 1, tokenCalls: 1, reuseDetections: 0 });
});
