/** A token that other clients were given, and that one of them brings back as rejected: whose it was is known. */
import { expect, it } from "vitest";
import { bench, rejection } from "../../support/vault.ts";

const tokens = (from: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${from}-${at}-secret`);

it.each([1, 62, 63, 64, 65, 200])(
  "of the last of %i tokens of one user no other user's is made [F103 S11]",
  async (count) => {
    const { vault } = bench();
    const mine = tokens("ada", count);
    for (const accessToken of mine) {
      // An adoption is another session; a sign-out in between changes nothing.
      await vault.adopt({ accessToken });
      expect(await vault.getToken()).toBe(accessToken);
    }
    await vault.adopt({ accessToken: "bob-secret" });
    expect(await vault.getToken()).toBe("bob-secret");
    expect(await vault.getToken()).toBe("bob-secret");
    const error = await rejection(vault.getToken({ rejected: mine.at(-1)! }));
    expect(error).toMatchObject({ code: "session_changed" });
  },
);
