/** A deploy or a crash resets the object at each step of a refresh, against a strict server (F34). */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { wordsOf } from "../apis/log.ts";
import { credentials, eventually, grantOf, HOUR, type Stage, stage } from "./strict-vmcloud.ts";
import { hooks, providers } from "./tested-worker.ts";

interface Step {
  /** Arranges that the object is reset at this step of the next refresh. */
  readonly reset: (one: Stage) => void | Promise<void>;
  /** Whether the server has spent the refresh token then. */
  readonly spent: boolean;
  /** Whether the new tokens are stored. */
  readonly stored?: true;
  /** Whether the request is held at the server meanwhile. */
  readonly held?: true;
}

let crashed = false;

const crash = (): void => {
  crashed = true;
  hooks.abort("a deploy");
};
const onEvent = (type: string): void => {
  hooks.onEvent = (event) => {
    if (event.type !== type) return;
    hooks.onEvent = undefined;
    crash();
  };
};
const crashAt = async ({ api, stub }: Stage, when: "before" | "after"): Promise<void> => {
  const gate = await api.gate("refresh", when);
  const object = await stub();
  void gate.arrived.then(async () => {
    await runInDurableObject(object, (_, state) => state.abort("a deploy")).catch(() => {});
    // The object takes no reply any more.
    await gate.left;
    await gate.release();
    crashed = true;
  });
};
const never = new Promise<never>(() => {});

const steps: Readonly<Record<string, Step>> = {
  "the intent is written": { reset: () => onEvent("refreshing"), spent: false },
  "the request is about to leave": {
    reset: () => {
      hooks.fetch = () => {
        hooks.fetch = undefined;
        crash();
        return never;
      };
    },
    spent: false,
  },
  "the request is under way": {
    reset: (one) => crashAt(one, "before"),
    spent: true,
    held: true,
  },
  "the reply is under way": {
    reset: (one) => crashAt(one, "after"),
    spent: true,
    held: true,
  },
  "the reply is there, unread": {
    reset: () => {
      hooks.fetch = async (...request) => {
        hooks.fetch = undefined;
        await fetch(...request);
        crash();
        return never;
      };
    },
    spent: true,
  },
  "the reply is read, its tokens not stored": {
    reset: ({ provider }) => {
      const own = providers[provider]!;
      const { renew } = own;
      const crashing: typeof renew = async (...given) => {
        const outcome = await renew!(...given);
        Object.assign(own, { renew });
        crash();
        return outcome;
      };
      Object.assign(own, { renew: crashing });
    },
    spent: true,
  },
  "the new tokens are stored": { reset: () => onEvent("refreshed"), spent: true, stored: true },
};

async function begin(step: Step): Promise<Stage> {
  const one = await stage();
  crashed = false;
  await one.vault().signIn(credentials);
  await step.reset(one);
  return one;
}

/** By the server's log, the gate opened when the object was gone. */
async function hasDiedFirst({ api }: Stage): Promise<void> {
  await eventually(() => crashed);
  const words = wordsOf(await api.log(), "refresh").filter((one) => one.startsWith("1 "));
  expect(words.slice(0, 4)).toEqual(["1 arrived", "1 held", "1 left", "1 let go"]);
}

describe.each(Object.entries(steps))("reset when %s", (_, step) => {
  it("in the background: the access token serves on, and nothing is sent twice before its end [P2 F34]", async () => {
    const one = await begin(step);
    const { api, elsewhere, echo } = one;
    hooks.ahead = 20 * HOUR;
    await runDurableObjectAlarm(await one.stub()).catch(() => {});
    if (step.held) await hasDiedFirst(one);
    for (let call = 0; call < 3; call++) expect((await elsewhere().fetch(echo)).status).toBe(200);
    await eventually(async () => (await api.counters()).refreshed === (step.spent ? 1 : 0));
    const before = await api.counters();
    expect(before.reuseDetections).toBe(0);
    expect(before.tokenCalls).toBe(step.spent ? 1 : 0);

    // Its end has come: the last chance, or no need of one.
    hooks.ahead = 25 * HOUR;
    if (step.stored) expect((await elsewhere().state()).generation).toBe(2);
    else if (step.spent)
      await expect(elsewhere().fetch(echo)).rejects.toMatchObject({ code: "sign_in_required" });
    else {
      expect((await elsewhere().fetch(echo)).status).toBe(200);
      expect((await elsewhere().state()).generation).toBe(2);
    }
    expect((await api.counters()).reuseDetections).toBe(step.spent && !step.stored ? 1 : 0);
  });

  it("under a caller: it is answered [P10 F34]", async () => {
    const one = await begin(step);
    const { api, elsewhere, echo } = one;
    hooks.ahead = 25 * HOUR;
    const call = elsewhere()
      .fetch(echo)
      .then(
        ({ status }) => status,
        (error: { code: string }) => error.code,
      );
    await eventually(() => crashed);
    if (step.held) await hasDiedFirst(one);
    await eventually(async () => !step.spent || (await api.counters()).refreshed === 1);
    // What the dead instance has sent may still be travelling for five seconds.
    hooks.ahead += 6_000;
    expect(await call).toBe(step.spent && !step.stored ? "sign_in_required" : 200);
    const { refreshed } = await api.counters();
    expect(refreshed).toBe(1);
  });
});

describe("an adoption whose answer is lost in a reset", () => {
  it("is tried again and adopts nothing over its successor [F101 P2]", async () => {
    const one = await stage({ rotation: "strict" });
    const { api, vault, elsewhere, echo } = one;
    const tokens = await grantOf(one);
    let adoptions = 0;
    hooks.adopted = async () => {
      adoptions += 1;
      if (adoptions > 1) return;
      // The tokens are spent before the answer is on its way, and then it is not.
      hooks.ahead = HOUR;
      await api.expireAccessTokens();
      expect((await elsewhere().fetch(echo)).status).toBe(200);
      hooks.abort("the answer is lost");
    };
    await vault().adopt(tokens);
    expect(adoptions).toBe(2);
    expect((await elsewhere().fetch(echo)).status).toBe(200);
    expect(await elsewhere().state()).toMatchObject({ status: "signed-in", generation: 2 });
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 1, reuseDetections: 0 });
  });
});
