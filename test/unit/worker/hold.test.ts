/** A service worker is held open as long as a refresh takes, by an event that a page has caused. */
import { describe, expect, it, vi } from "vitest";
import { clockAhead, settle } from "../../support/clock.ts";
import { credentials, reply } from "../../support/fake-api.ts";
import {
  api,
  beServiceWorker,
  event,
  isSettled,
  post,
  question,
  serve,
  VMS,
} from "./worker-part.ts";

describe("a service worker", () => {
  it("is held by the event that began a refresh, until that is committed [F31 P5]", async () => {
    beServiceWorker();
    await serve();
    await post(question("signIn", credentials), event({}));
    api.expire();
    let answer!: (response: Response) => void;
    api.refresh = () => new Promise((resolve) => (answer = resolve));
    const message = event({});
    const url = VMS;
    const token = (await post(question("token", { url })))!.value as { sessionId: string };
    const asked = post(
      question("token", { url, sessionId: token.sessionId, generation: 1 }),
      message,
    );
    await vi.waitFor(() => expect(api.to("/refresh")).toHaveLength(1));
    expect(message.held.length).toBeGreaterThan(1);
    expect(await isSettled(Promise.all(message.held))).toBe(false);
    answer(reply(200, { access_token: "access-2", refresh_token: "r", expires_in: 3600 }));
    expect((await asked).value).toMatchObject({ generation: 2 });
    expect(await isSettled(Promise.all(message.held))).toBe(true);
  });

  it("begins no refresh that no event would hold [F39]", async () => {
    beServiceWorker();
    let look!: () => void;
    let now = 0;
    const clock = clockAhead(() => now);
    await serve({
      clock,
      onWake(listener) {
        look = listener;
        return () => {};
      },
    });
    await post(question("signIn", credentials), event({}));
    await settle();
    // Past the soft time: a look would renew in passing.
    now = 3_400_000;
    look();
    for (let turn = 0; turn < 10; turn++) await settle();
    expect(api.to("/refresh")).toHaveLength(0);
    // In a page's event it does.
    await post(question("state", true), event({}));
    await vi.waitFor(() => expect(api.to("/refresh")).toHaveLength(1));
  });
});
