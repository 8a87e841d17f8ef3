/** The programs of docs/node.md, deno.md and presets.md, and the five APIs' variables, in the runtime that runs this: as they are. */
import { afterAll, afterEach, expect, inject, it } from "vitest";
import { spawnApi, type SpawnedApi } from "../apis/client.ts";
import { ada } from "../apis/vmcloud-data.ts";
import { denoFlags, programOf, root, runtime, start, workshop } from "../support/programs.ts";

const { folder, save, remove } = workshop();
afterAll(remove);

/** Deno's alone. */
const flags = runtime === "deno" ? denoFlags() : [];

const apis: SpawnedApi[] = [];
afterEach(async () => {
  await Promise.all(apis.splice(0).map((api) => api.close()));
});

async function spawn(name: "vmcloud" | "simplismart" | "artos" | "qovery" | "clary") {
  const api = await spawnApi(inject("control"), { name });
  apis.push(api);
  return api;
}

it(`the shortest complete program for ${runtime} runs, and ends by itself`, async () => {
  const api = await spawn("vmcloud");
  const program = programOf(runtime === "deno" ? "docs/deno.md" : "docs/node.md");
  const file = save(program);
  const env = {
    TOKENKEEP_APIS: JSON.stringify({ "https://api.vmcloud.com": api.url }),
    VMCLOUD_EMAIL: ada.email,
    VMCLOUD_PASSWORD: ada.password,
    TOKENKEEP_KEYS: `k1:${Buffer.alloc(32, "key").toString("base64")}`,
    // Where `Deno.openKv()` keeps its databases, and where the user's state is elsewhere.
    DENO_DIR: folder,
    XDG_STATE_HOME: folder,
    HOME: folder,
    LOCALAPPDATA: folder,
    NODE_NO_WARNINGS: "1",
  };
  expect(await start(file, env, flags).ended).toBe("200\n");
  expect(await api.counters()).toMatchObject({ signIns: 1, tokenCalls: 0 });

  // Once more: the session is there.
  expect(await start(file, env, flags).ended).toBe("200\n");
  expect((await api.counters()).signIns).toBe(1);

  // And where the server has ended it, the program signs in again.
  await api.revoke();
  await api.expireAccessTokens();
  expect(await start(file, env, flags).ended).toBe("200\n");
  expect((await api.counters()).signIns).toBe(2);
});

it("says what is missing where a variable is not set", async () => {
  const api = await spawn("vmcloud");
  const deno = programOf("docs/deno.md");
  const program = runtime === "deno" ? deno : programOf("docs/presets.md");
  const env = {
    TOKENKEEP_APIS: JSON.stringify({ "https://api.vmcloud.com": api.url }),
    DENO_DIR: folder,
  };
  await expect(start(save(program), env).ended).rejects.toThrow(
    runtime === "deno" ? "export TOKENKEEP_KEYS=" : "QOVERY_API_TOKEN in env",
  );
});

it("a token from the environment: the program of the five APIs, as it is", async () => {
  const api = await spawn("qovery");
  const env = {
    TOKENKEEP_APIS: JSON.stringify({ "https://api.qovery.com": api.url }),
    QOVERY_API_TOKEN: (await api.credentials())["token"] ?? "",
  };
  const program = programOf("docs/presets.md") + "console.log(response.status);\n";
  expect(await start(save(program), env).ended).toBe("200\n");
});

it("the five APIs by their environment variables", async () => {
  const [vmcloud, simplismart, artos, qovery, clary] = await Promise.all(
    (["vmcloud", "simplismart", "artos", "qovery", "clary"] as const).map(spawn),
  );
  const minted = await fetch(`${artos!.url}/get-access-token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user_id: (await artos!.credentials())["userId"] }),
  });
  const { access_token } = (await minted.json()) as { access_token: string };
  const tokenOf = async (api?: SpawnedApi): Promise<string> =>
    (await api!.credentials())["token"] ?? "";
  const printed = await start(`${root}/test/support/five-apis.ts`, {
    TOKENKEEP_APIS: JSON.stringify({
      "https://api.vmcloud.com": vmcloud!.url,
      "https://api.app.simplismart.ai": simplismart!.url,
      "https://api.artosai.com": artos!.url,
      "https://api.qovery.com": qovery!.url,
      "https://api.claryai.com": clary!.url,
    }),
    VMCLOUD_EMAIL: ada.email,
    VMCLOUD_PASSWORD: ada.password,
    SIMPLISMART_TOKEN: await tokenOf(simplismart),
    ARTOS_TOKEN: access_token,
    QOVERY_API_TOKEN: await tokenOf(qovery),
    CLARY_API_KEY: await tokenOf(clary),
  }).ended;
  expect(JSON.parse(printed)).toEqual({
    vmcloud: 200,
    simplismart: 200,
    artos: 200,
    qovery: 200,
    clary: 200,
    "clary-jwt": 200,
  });
});
