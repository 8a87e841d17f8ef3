/** wretch's own addons work on, all of them. */
import { describe, expect, it } from "vitest";
import wretch from "wretch";
import {
  abortAddon,
  formDataAddon,
  formUrlAddon,
  perfsAddon,
  progressAddon,
  queryStringAddon,
} from "wretch/addons";
import { delay } from "wretch/middlewares";
import { vaultMiddleware } from "../../../src/wretch.ts";
import { ada } from "../../apis/vmcloud-data.ts";
import type { Echo } from "../fetch/stage.ts";
import { orders, type WretchStage } from "./chains.ts";

export function addons(stage: WretchStage): void {
  describe("wretch: addons", () => {
    it("query strings, forms and URL-encoded forms", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const client = wretch(`${api.url}/v1`)
        .addon([queryStringAddon, formDataAddon, formUrlAddon])
        .middlewares([vaultMiddleware(vault)]);
      const form = await client
        .url("/echo")
        .query({ n: 1, q: "a b" })
        .formData({ name: "first & only" })
        .post()
        .json<Echo>();
      expect(form.headers["content-type"]).toMatch(/^multipart\/form-data; ?boundary=/);
      expect(form.body).toContain("first & only");
      const encoded = await client.url("/echo?n=2").formUrl({ a: "1 2" }).post().json<Echo>();
      expect(encoded.body).toBe("a=1%202");
      expect(await api.counters()).toMatchObject({ tokenCalls: 1, sends: { 1: 2, 2: 1 } });
    });

    it("abort and timeout, in waiting for a token as in sending [P14]", async () => {
      const { api, vault } = await stage.open();
      const client = wretch(`${api.url}/v1`)
        .addon(abortAddon())
        .middlewares([vaultMiddleware(vault)]);
      const sending = await api.gate("api", "before");
      const [controller, call] = client.get("/me").controller();
      const seen = call.onAbort(() => "aborted").text();
      await sending.arrived;
      controller.abort();
      expect(await seen).toBe("aborted");
      await sending.release();

      await api.expireAccessTokens();
      const refreshing = await api.gate("refresh", "before");
      const late = client
        .get("/me")
        .setTimeout(50)
        .onAbort(() => "timed out")
        .text();
      expect(await late).toBe("timed out");
      const other = client.get("/me").json<{ email: string }>();
      await refreshing.release();
      expect((await other).email).toBe(ada.email);
      expect(await api.counters()).toMatchObject({ tokenCalls: 1 });
    });

    it.each(Object.keys(orders))("progress of what is received, %s", async (order) => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const seen: number[] = [];
      const text = await orders[order]!(`${api.url}/v1`, vault as never, [delay(1)])
        .addon(progressAddon())
        .get("/me")
        .progress((loaded) => void seen.push(loaded))
        .text();
      expect(seen.at(-1)).toBe(text.length);
    });

    it.runIf(stage.streams)("progress of what is sent, both times [P11]", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const seen: string[] = [];
      const echo = await wretch(`${api.url}/v1`)
        .middlewares([vaultMiddleware(vault)])
        .addon(progressAddon())
        .onUpload((loaded, total) => void seen.push(`${loaded}/${total}`))
        .content("text/plain")
        .post("a".repeat(1_000), "/echo?n=1")
        .json<Echo>();
      expect(echo).toMatchObject({ bytes: 1_000, tokenIndex: 2 });
      expect(seen.filter((one) => one === "1000/1000")).toHaveLength(2);
      expect(await api.counters()).toMatchObject({ sends: { 1: 2 } });
    });

    it.runIf(stage.timings)("perfs", async () => {
      const { api, vault } = await stage.open();
      const client = wretch(`${api.url}/v1`)
        .addon(perfsAddon())
        .middlewares([vaultMiddleware(vault)]);
      const timed = new Promise<PerformanceEntry>((resolve) => {
        void client.get("/me").perfs(resolve).text();
      });
      expect((await timed).name).toBe(`${api.url}/v1/me`);
    });
  });
}
