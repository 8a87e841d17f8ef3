/**
 * How a popup hands the server's answer to the page that opened it: by a channel of the origin, because a page or
 * a server that isolates itself (COOP) cuts popup and opener off from each other. The answer alone is worth
 * nothing: the code's verifier stays where it is.
 */
import { isObject, own } from "../guard/json.ts";
import { within } from "../guard/within.ts";

const CHANNEL = "tokenkeep-oauth";
/** Stands in front of the `state` of a login by popup. */
export const POPUP = "popup.";
/** How long the opener may take to answer; then it is gone, and the popup completes the login itself. */
const PATIENCE = 3_000;

export const isPopupState = (state: string): boolean => state.startsWith(POPUP);

const membersOf = (data: unknown): Record<string, unknown> => own(isObject(data) ? data : {});

/** Whether somebody has taken the answer. */
export async function handOver(state: string, answer: URLSearchParams): Promise<boolean> {
  if (typeof BroadcastChannel === "undefined") return false;
  const channel = new BroadcastChannel(CHANNEL);
  try {
    const heard = new Promise<true>((resolve) => {
      channel.onmessage = ({ data }) => {
        if (membersOf(data)["heard"] === state) resolve(true);
      };
    });
    channel.postMessage({ answer: String(answer) });
    return (await within(heard, PATIENCE)) === true;
  } finally {
    channel.close();
  }
}

/** Listens for the answer to one login, until `ended`. */
export function hearAnswer(state: string, ended: AbortSignal): Promise<URLSearchParams> {
  const channel = new BroadcastChannel(CHANNEL);
  ended.addEventListener("abort", () => channel.close());
  return new Promise((resolve) => {
    channel.onmessage = ({ data }) => {
      const { answer } = membersOf(data);
      const told = new URLSearchParams(typeof answer === "string" ? answer : "");
      if (told.get("state") !== state) return;
      channel.postMessage({ heard: state });
      resolve(told);
    };
  });
}
