/** Workers that are no use: one that never answers, and one of a version yet to come. */
import { WORKERS } from "./worker-control.ts";

const kind = new URL(location.href).searchParams.get("strange");
const scope = globalThis as unknown as {
  addEventListener(type: string, listener: (event: MessageEvent) => void): void;
};

scope.addEventListener("connect", ({ ports: [port] }) => {
  port!.addEventListener("message", ({ ports }) => {
    const answer = WORKERS[kind ?? ""];
    if (answer !== undefined) ports[0]!.postMessage(answer);
  });
  port!.start();
});
