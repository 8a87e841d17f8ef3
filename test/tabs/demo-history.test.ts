/** When a picture of the demo is over, whichever tab draws it. */
import { describe, expect, it } from "vitest";
import { createHistory } from "../../demo/page/history.ts";

const START = 1_000_000;
const LATER = START + 60_000;

const refreshed = (tab: number, start: number) => ({
  type: "renewal" as const,
  from: tab,
  renewal: { key: "one", tab, start, end: start + 10, outcome: "refreshed" as const },
});

describe("a picture that another tab began", () => {
  it("is not over before the work is done, however slow the tabs are", () => {
    const history = createHistory();
    history.begin("Show me…", START, 1);
    expect(history.scene(LATER)).toMatchObject({ isLive: true });
    history.heard(refreshed(2, LATER));
    expect(history.scene(LATER)?.renewals).toHaveLength(1);
    history.release(START);
    expect(history.scene(Date.now() + 1_000)).toMatchObject({ isLive: false });
  });

  it("is over when the tab is gone that began it, and not when another goes", () => {
    const history = createHistory();
    history.begin("Show me…", START, 1);
    history.left(2);
    expect(history.scene(Date.now() + 1_000)).toMatchObject({ isLive: true });
    history.left(1);
    expect(history.scene(Date.now() + 1_000)).toMatchObject({ isLive: false });
  });

  it("is not ended by the end of an earlier one", () => {
    const history = createHistory();
    history.begin("Send one…", START, 1);
    history.begin("Show me…", START + 1, 2);
    history.release(START);
    expect(history.scene(LATER)).toMatchObject({ isLive: true });
  });
});
