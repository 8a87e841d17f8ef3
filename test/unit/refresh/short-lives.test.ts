/** Servers count whole seconds: a token that is got late in a second ends up to a second before it says. */
import { describe, expect, it } from "vitest";
import { expectSound, failures, GOOD, scene, trafficOf } from "./hours-of-calls.ts";
import { MINUTE, SECOND } from "./faulty-parts.ts";

const TIME = 20 * SECOND;

describe("a token of seconds, from a server that counts whole ones", () => {
  // A sign-in at each part of a second, because how much is lost is its luck.
  const parts = [0, 300, 700, 990];

  it.each([2, 3, 4, 5, 10])(
    "that says %i s meets no 401, whenever it was got [F43 P15]",
    async (life) => {
      for (const part of parts) {
        const made = await scene({ life: life * SECOND, told: life, isInSeconds: true });
        const { vault, clock, server } = made;
        await clock.advance(part);
        await vault.signIn({ email: "ada@acme.example", password: "correct horse" });
        const retried: number[] = [];
        vault.events(({ type }) => void (type === "retried" && retried.push(clock.running())));
        const traffic = await trafficOf(clock, TIME, {
          every: 110,
          calls: () => [vault.fetch(GOOD)],
        });
        expect([life, part, ...failures(traffic)]).toEqual([life, part, 0]);
        expect(retried).toEqual([]);
        expect(server.refreshes).toBeLessThanOrEqual((TIME + MINUTE) / (life * SECOND * 0.2));
        expectSound(made);
      }
    },
  );
});
