/** One patience covers a whole call, both of its waits together. */
import { describe, expect, it } from "vitest";
import { acme, type Answer, never, reply } from "../../support/fake-api.ts";
import { type Bench, type BenchOptions, refreshes, signedIn, VMS } from "../../support/vault.ts";
import { HOUR, MINUTE, outcome, SECOND, slowly, within } from "./faulty-parts.ts";

interface Waits extends Bench {
  /** The call's answer, and how long it took. */
  readonly end: unknown;
  readonly took: number;
}

/** How long the API takes for an answer: more than what holds a 401 back after a commit today. */
const REQUEST = 5 * SECOND;

const short = (name: string): Response =>
  reply(200, {
    access_token: `access-${name}-secret`,
    refresh_token: `refresh-${name}-secret`,
    expires_in: 40,
  });

/**
 * An expired token whose refresh takes `first`; the token that it brings is answered 401, and then
 * `second` is what the token endpoint says.
 */
async function twice(
  first: number,
  second: (made: Bench) => Answer,
  options: BenchOptions = {},
): Promise<Waits> {
  const made = await signedIn(options);
  const { vault, api, clock } = made;
  await clock.advance(HOUR);
  api.refresh = slowly(clock, first, () => {
    api.refresh = second(made);
    return short("77");
  });
  api.api = slowly(clock, REQUEST, ({ headers }) =>
    reply(headers.get("authorization") === "Bearer access-99-secret" ? 200 : 401, {}),
  );
  const from = clock.running();
  const end = await within(clock, 2 * MINUTE, outcome(vault.fetch(VMS)));
  return { ...made, end, took: clock.running() - from };
}

const hangs = (): Answer => never;
const fails = (): Answer => () => reply(503, {});

describe("a call that waits for a refresh, is answered 401, and waits again", () => {
  it.each([
    ["hangs", 5, hangs],
    ["hangs", 10, hangs],
    ["hangs", 14, hangs],
    ["fails", 10, fails],
    ["fails", 14, fails],
  ] as const)(
    "gets its 401 when one patience is over, where the second refresh %s and the first took %i s [F51 P10]",
    async (_, seconds, second) => {
      const { end, took } = await twice(seconds * SECOND, second);
      expect(took).toBeLessThanOrEqual(20 * SECOND + REQUEST);
      expect((end as Response).status).toBe(401);
    },
  );

  it.each([2_000, 8_000, 60_000])(
    "keeps to a patience of %i ms, too [F51 P10]",
    async (patience) => {
      const { end, took } = await twice(1_500, hangs, { patience });
      expect(took).toBeLessThanOrEqual(patience + REQUEST);
      expect((end as Response).status).toBe(401);
    },
  );

  it("is answered where the second wait fits in, too [F51]", async () => {
    const { end, took, api } = await twice(3 * SECOND, ({ clock }) =>
      slowly(clock, 3 * SECOND, () => short("99")),
    );
    expect(took).toBeLessThanOrEqual(20 * SECOND + 2 * REQUEST);
    expect((end as Response).status).toBe(200);
    expect(refreshes({ api })).toBe(2);
  });

  it("sends twice at most, whatever it waits for [F51 P11]", async () => {
    const { api } = await twice(10 * SECOND, hangs);
    expect(api.to("/v1/vms").length).toBeLessThanOrEqual(2);
  });

  it("gets its 401 back, where its patience ends while the refresh hangs [F51 P10]", async () => {
    const made = await signedIn();
    const { vault, api, clock } = made;
    // The request itself takes its time: that is no waiting.
    api.api = slowly(clock, 30 * SECOND, () => reply(401, {}));
    api.refresh = never;
    const from = clock.running();
    const end = await within(clock, 2 * MINUTE, outcome(vault.fetch(VMS)));
    expect(clock.running() - from).toBeLessThanOrEqual(50 * SECOND);
    expect((end as Response).status).toBe(401);
  });

  it("rejects where there is no 401 in hand: the first wait alone takes the patience [P10]", async () => {
    const made = await signedIn({ provider: acme() });
    const { vault, api, clock } = made;
    await clock.advance(HOUR);
    api.refresh = never;
    const from = clock.running();
    expect(await within(clock, MINUTE, outcome(vault.fetch(VMS)))).toBe("refresh_failed");
    expect(clock.running() - from).toBeLessThanOrEqual(20 * SECOND);
  });
});
