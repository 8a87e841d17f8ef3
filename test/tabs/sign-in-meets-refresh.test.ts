/**
 * The replies to a refresh and to a sign-in come at once, and the browser's own database stores what
 * comes of both: who signed in is served (F40).
 */
import { setTimeout as later } from "node:timers/promises";
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import type { Gate } from "../apis/gates.ts";
import { ada, grace } from "../apis/vmcloud.ts";
import { HOUR, setUp, type Stage, useBrowser } from "./real-tabs.ts";
import { fetchOf, signIn } from "./tab-calls.ts";

useBrowser();

/** The browser does not always take the same steps between two replies. */
const ROUNDS = 8;

declare global {
  interface Window {
    /** The endpoint whose reply the page hears when it next puts something into the database. */
    late?: string;
    /** The late reply has come. */
    hasLate?: true;
  }
}

/** Lets pages keep a reply back, as `window.late` says. */
const keepingBack = ({ context }: Stage): Promise<unknown> =>
  context.addInitScript(() => {
    const { fetch } = window;
    const { put } = IDBObjectStore.prototype;
    let letGo = (): void => {};
    window.fetch = async (...request) => {
      const reply = await fetch(...request);
      if (window.late && reply.url.endsWith(window.late)) {
        const isPut = new Promise<void>((resolve) => (letGo = resolve));
        window.hasLate = true;
        await isPut;
      }
      return reply;
    };
    IDBObjectStore.prototype.put = function (...given) {
      letGo();
      return put.apply(this, given);
    };
  });

/** Whom the API takes the tab's user for. */
const emailOf = (page: Page): Promise<string> =>
  page.evaluate(async () => {
    const reply = await window.vault.fetch(`${window.kit.api}/v1/me`);
    return ((await reply.json()) as { email: string }).email;
  });

type Kind = "refresh" | "token";

interface Replies {
  readonly page: Page;
  readonly gates: Readonly<Record<Kind, Gate>>;
  readonly first: Kind;
  readonly second: Kind;
}

/** How the two replies come to the page. */
const ways: Readonly<Record<string, (replies: Replies) => Promise<unknown>>> = {
  async "in the same task"({ gates, first, second }) {
    gates[first].release();
    gates[second].release();
  },
  async "a millisecond apart"({ gates, first, second }) {
    gates[first].release();
    await later(1);
    gates[second].release();
  },
  async "the second while the first is being stored"({ page, gates, first, second }) {
    await page.evaluate((ending) => void (window.late = ending), `/${second}`);
    gates[second].release();
    await page.waitForFunction(() => window.hasLate);
    gates[first].release();
  },
};

describe.each([
  ["refresh, sign-in", "refresh", "token"],
  ["sign-in, refresh", "token", "refresh"],
] as const)("two replies at once: %s", (_, first, second) => {
  it.each(Object.entries(ways))(
    "%s: who signed in is served, after a reload too [F40 P19]",
    async (_, answer) => {
      const stage = await setUp();
      const { api } = stage;
      await keepingBack(stage);
      const [page] = await stage.openSignedIn(1);
      for (let round = 0; round < ROUNDS; round++) {
        const { email, password } = round % 2 ? ada : grace;
        await stage.jump(25 * HOUR);
        const gates = { refresh: api.gate("refresh", "after"), token: api.gate("token", "after") };
        const call = fetchOf(page);
        await gates.refresh.arrived;
        const signedIn = signIn(page, { email, password });
        await gates.token.arrived;
        await answer({ page, gates, first, second });

        expect(await signedIn).toMatchObject({ result: "ok" });
        expect(await emailOf(page)).toBe(email);
        await call;
        await page.reload();
        expect(await emailOf(page)).toBe(email);
      }
      expect(api.counters()).toMatchObject({
        signIns: 1 + ROUNDS,
        tokenCalls: ROUNDS,
        refreshed: ROUNDS,
        reuseDetections: 0,
      });
    },
  );
});
