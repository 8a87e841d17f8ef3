/** A login by popup, at the moments that a real window gives no test: while its answer is being completed. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { PopupOutcome } from "../../../src/oauth.ts";
import { clientKey } from "../../../src/oauth/client.ts";
import { takeFor } from "../../../src/oauth/complete.ts";
import { rejection } from "../../support/vault.ts";
import { client, openPage, type Page } from "./bare-browser.ts";

interface Popup {
  closed: boolean;
  href: string;
}

let page: Page;
let popups: Popup[];

function openPopup(): object {
  const popup = {
    closed: false,
    href: "",
    opener: {},
    focus: () => {},
    close: () => void (popup.closed = true),
    location: { replace: (to: string) => void (popup.href = to) },
  };
  popups.push(popup);
  return popup;
}

beforeEach(async () => {
  page = await openPage();
  popups = [];
  vi.stubGlobal("window", { open: openPopup, close: () => {} });
  vi.stubGlobal("document", { hasFocus: () => true });
});
afterEach(() => vi.unstubAllGlobals());

/** However busy the machine is. */
const until = (holds: () => void): Promise<void> => vi.waitFor(holds, { timeout: 15_000 });

/** The user logs in in the popup, whose page hands the answer over. */
async function answer(): Promise<void> {
  await until(() => expect(popups.at(-1)?.href).toContain("state="));
  const channel = new BroadcastChannel("tokenkeep-oauth");
  const heard = new Promise((resolve) => (channel.onmessage = resolve));
  channel.postMessage({ answer: new URL(page.server.login(popups.at(-1)?.href ?? "")).search });
  await heard;
  channel.close();
}

/** The token endpoint answers when it is let. */
function hold(): { readonly letGo: () => void } {
  let letGo = (): void => {};
  // What it would have answered anyway.
  const gate = new Promise<undefined>((resolve) => (letGo = () => resolve(undefined)));
  page.server.answer = ({ path }) =>
    path === "/token" ? (gate as Promise<unknown> as Promise<Response>) : undefined;
  return { letGo };
}

const asked = (): number => page.server.to("/token").length;

it("that is asked for again while its answer is completed is one: nobody has to log in twice", async () => {
  const { letGo } = hold();
  const first = page.oauth.signInByPopup(client, page.vault);
  await answer();
  await until(() => expect(asked()).toBe(1));
  // It closes at once, though the vault is not signed in yet.
  expect(popups[0]?.closed).toBe(true);
  const second = page.oauth.signInByPopup(client, page.vault);
  letGo();
  const outcomes: PopupOutcome[] = await Promise.all([first, second]);
  expect(outcomes.map(({ type }) => type)).toEqual(["signed-in", "signed-in"]);
  expect([popups.length, asked()]).toEqual([1, 1]);
});

it("of another vault closes the one before, and gives no vault the other's outcome [S11]", async () => {
  const another = { signIn: vi.fn<(code: unknown) => Promise<void>>(async () => {}) };
  const first = page.oauth.signInByPopup(client, page.vault);
  await until(() => expect(popups.at(-1)?.href).toContain("state="));
  const second = page.oauth.signInByPopup(client, another);
  expect(await first).toEqual({ type: "closed" });
  await until(() => expect(popups).toHaveLength(2));
  expect(popups[0]?.closed).toBe(true);
  await answer();
  expect(await second).toEqual({ type: "signed-in", returnTo: expect.any(String) });
  expect(another.signIn).toHaveBeenCalledOnce();
  expect(page.vault.snapshot().status).not.toBe("signed-in");
});

it("that is given up while its code is redeemed signs nobody in, and gives the tokens back [P20]", async () => {
  const { letGo } = hold();
  const caller = new AbortController();
  const { signal } = caller;
  const login = rejection(page.oauth.signInByPopup(client, page.vault, { signal }));
  await answer();
  await until(() => expect(asked()).toBe(1));
  caller.abort(new Error("given up"));
  expect(await login).toMatchObject({ message: "given up" });
  letGo();
  await until(() => expect(page.server.to("/revoke")).toHaveLength(1));
  expect(await rejection(page.vault.getToken())).toMatchObject({ code: "no_session" });
});

it("that is given up and begun again in one go is another one, with its own outcome [P14]", async () => {
  const caller = new AbortController();
  const first = rejection(page.oauth.signInByPopup(client, page.vault, { signal: caller.signal }));
  await until(() => expect(popups[0]?.href).toContain("state="));
  caller.abort(new Error("given up"));
  const second = page.oauth.signInByPopup(client, page.vault);
  expect(await first).toMatchObject({ message: "given up" });
  expect(popups).toHaveLength(2);
  await answer();
  expect(await second).toMatchObject({ type: "signed-in" });
});

it("that a second caller waits for and gives up is the first one's still [P14]", async () => {
  const first = page.oauth.signInByPopup(client, page.vault);
  const caller = new AbortController();
  const { signal } = caller;
  const second = rejection(page.oauth.signInByPopup(client, page.vault, { signal }));
  caller.abort(new Error("given up"));
  expect(await second).toMatchObject({ message: "given up" });
  await answer();
  expect(await first).toMatchObject({ type: "signed-in" });
  expect(popups).toHaveLength(1);
});

it("that is given up, and that the browser does not let this page close, signs nobody in by itself [P20]", async () => {
  const caller = new AbortController();
  const { signal } = caller;
  const login = rejection(page.oauth.signInByPopup(client, page.vault, { signal }));
  await until(() => expect(popups[0]?.href).toContain("state="));
  caller.abort(new Error("given up"));
  expect(await login).toMatchObject({ message: "given up" });
  // The user goes on in the popup: its page is the callback, and nobody takes its answer.
  const oauth = await page.load(page.server.login(popups[0]?.href ?? ""));
  const outcome = await oauth.completeSignIn(client, page.vault);
  expect(outcome).toEqual({ type: "stale", reason: "used" });
  expect(page.vault.snapshot().status).not.toBe("signed-in");
  expect(asked()).toBe(0);
});

it("that has gone on by itself, because this page was too slow, is left open [P20]", async () => {
  const login = page.oauth.signInByPopup(client, page.vault);
  await until(() => expect(popups[0]?.href).toContain("state="));
  // The popup's page takes the login, to redeem the code by itself.
  const state = new URL(popups[0]?.href ?? "").searchParams.get("state") ?? "";
  expect(await takeFor(clientKey(client), new URLSearchParams({ state }))).toBeTypeOf("object");
  await answer();
  expect(await login).toEqual({ type: "stale", reason: "used" });
  expect(popups[0]?.closed).toBe(false);
});
