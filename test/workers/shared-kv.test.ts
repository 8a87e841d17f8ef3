/** One KV namespace and one key ring for two classes, as two Workers or two environments have them. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { hashOf, keyOf } from "../../src/cloudflare/wire.ts";
import { encrypted, keyring } from "../../src/stores/encrypted.ts";
import { durableObjectStore } from "../../src/stores/durable-object.ts";
import { credentials, otherEnv, stage } from "./strict-vmcloud.ts";
import { providers } from "./tested-worker.ts";

it("a cold caller of one class never gets the token of the other's object [F93 S11]", async () => {
  const { vault, elsewhere, settled, cached, api, echo } = await stage();
  await vault().signIn(credentials);
  const first = await vault().getToken();
  await cached();
  // KV has it: a cold caller of the same class is served without a question to the object.
  const served = { ...env, TOKEN_VAULT: { ...env.TOKEN_VAULT, get: () => ({}) } };
  served.TOKEN_VAULT.idFromName = (name) => env.TOKEN_VAULT.idFromName(name);
  expect(await vault({ env: served }).getToken()).toBe(first);

  const other = { binding: "OTHER_VAULT" };
  await expect(elsewhere(other).getToken()).rejects.toMatchObject({ code: "no_session" });
  await vault(other).signIn(credentials);
  await settled();
  const second = await elsewhere(other).getToken();
  expect(second).not.toBe(first);
  expect(await vault({ env: otherEnv() }).getToken()).toBe(first);

  // Nor does a sign-out here end what is cached there.
  await vault().signOut();
  await settled();
  expect(await elsewhere(other).getToken()).toBe(second);
  expect((await elsewhere(other).fetch(echo)).status).toBe(200);
  expect(await api.counters()).toMatchObject({ signIns: 2, tokenCalls: 0 });
});

it("what KV has is named by the object's id, and opens under no other [F93 S20]", async () => {
  const { vault, stub, cached, provider } = await stage();
  await vault().signIn(credentials);
  const found = await cached();
  const hash = await hashOf(keyOf(providers[provider]!, "default"));
  const [id, otherId] = [env.TOKEN_VAULT, env.OTHER_VAULT].map((space) =>
    String(space.idFromName(hash)),
  );
  expect(String((await stub()).id)).toBe(id);
  expect(found.value).toMatch(/"kid":"k1"/);
  const copied = `tokenkeep:cache:${otherId}`;
  await env.TOKEN_CACHE.put(copied, found.value, { metadata: found.metadata });
  const cold = vault({ env: otherEnv(), binding: "OTHER_VAULT" });
  await expect(cold.getToken()).rejects.toMatchObject({ code: "no_session" });
});

it("a record of one object does not open in another [F93 S20 F82]", async () => {
  const { vault, stub, provider } = await stage();
  await vault().signIn(credentials);
  const key = keyOf(providers[provider]!, "default");
  const object = await stub();
  const record = await runInDurableObject(object, (_, { storage }) =>
    durableObjectStore(storage).read(key),
  );
  const ring = keyring(env.TOKENKEEP_KEYS);
  const open = (namespace: string) =>
    encrypted(
      {
        atomic: true,
        shared: "context",
        namespace,
        head: async () => record,
        read: async () => record,
        write: async () => false,
        list: async () => [],
      },
      ring,
    ).read(key);
  expect((await open(String(object.id)))?.body).toMatchObject({ generation: 1 });
  const other = env.OTHER_VAULT.idFromName(await hashOf(key));
  expect((await open(String(other)))?.body).toBeUndefined();
});
