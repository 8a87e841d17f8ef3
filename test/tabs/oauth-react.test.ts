/** React itself, in a real Chromium: StrictMode runs the effect that completes a login twice. */
import { expect, it } from "vitest";
import { logIn, setUpLogin, statusOf, useSite } from "./oauth-stage.ts";

useSite({ page: "oauth-react-page.ts" });

it("StrictMode's two effects complete one login: one code is redeemed, and both are told of it", async () => {
  const stage = await setUpLogin();
  const page = await stage.open();
  await page.getByText("none: undefined").waitFor();
  await page.evaluate(() => window.signIn.begin());
  await logIn(page);
  await page.getByText("signed-in: ada").waitFor();
  // The first effect is cleaned up by then: what the page shows is what the second was told.
  const told = await page.evaluate(() => Reflect.get(window.signIn, "told") as string[]);
  expect(told).toEqual(["signed-in", "signed-in"]);
  const here = new URL(page.url());
  expect([here.pathname, here.hash]).toEqual(["/vms", "#third"]);
  expect([here.searchParams.get("code"), here.searchParams.get("state")]).toEqual([null, null]);
  expect(await statusOf(page)).toBe("signed-in");
  const redeemed = stage.told.answered.filter((line) => line === "POST /token");
  expect(redeemed).toHaveLength(1);
  expect(stage.told).toMatchObject({ logins: 1, errors: [], reuses: 0 });
});
