/** docs/jwt.md: its programs, as they stand there, with an issuer's keys behind the global `fetch`. */
import { pathToFileURL } from "node:url";
import { SignJWT } from "jose";
import { afterAll, afterEach, beforeEach, expect, it, vi } from "vitest";
import { keyPair, publicJwk } from "../support/keys.ts";
import { programOf, workshop } from "../support/programs.ts";

const { save, remove } = workshop();
afterAll(remove);

const RSA = "RSA 2048";
let asked: string[];
let status: number;
beforeEach(() => {
  asked = [];
  status = 200;
  vi.stubGlobal("fetch", async (input: RequestInfo | URL) => {
    asked.push(String(input));
    return Response.json({ keys: [{ ...publicJwk(RSA), kid: "k1" }] }, { status });
  });
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

async function load(heading: string): Promise<any> {
  const file = save(programOf("docs/jwt.md", heading));
  return import(/* @vite-ignore */ pathToFileURL(file).href);
}

/** What the issuer signs. */
const issue = (claims: Record<string, unknown>, kid = "k1"): Promise<string> =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: "RS256", typ: "JWT", kid })
    .setExpirationTime("10m")
    .sign(keyPair(RSA).privateKey);

const bearing = (token?: string, body?: string): Request =>
  new Request("https://api.my-app.example/hello", {
    method: "POST",
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    ...(body !== undefined && { body }),
  });

it("an API takes its issuer's tokens, and asks for the keys once [S12]", async () => {
  const { handle } = await load("Who calls your API");
  const right = {
    iss: "https://login.acme.example",
    aud: "https://api.my-app.example",
    sub: "ada",
  };
  expect(asked).toEqual([]);
  const response: Response = await handle(bearing(await issue(right)));
  expect([response.status, await response.json()]).toEqual([200, { hello: "ada" }]);
  for (const wrong of [
    undefined,
    "opaque",
    await issue({ ...right, aud: "https://other.example" }),
    await issue({ ...right, iss: "https://evil.example" }),
    await issue({ ...right, sub: undefined }),
    await issue(right, "k2"),
  ])
    expect((await handle(bearing(wrong))).status).toBe(401);
  expect(asked).toEqual(["https://login.acme.example/.well-known/jwks.json"]);
});

it("an API answers with 503 where the keys are not to be had [S12]", async () => {
  status = 500;
  const { handle } = await load("Who calls your API");
  const claims = { iss: "https://login.acme.example", aud: "https://api.my-app.example" };
  expect((await handle(bearing(await issue({ ...claims, sub: "ada" })))).status).toBe(503);
});

it("a webhook with a JWT: ours is taken, another customer's is not [S12]", async () => {
  const info = vi.spyOn(console, "info").mockImplementation(() => {});
  const { receive } = await load("A webhook that is signed by a JWT");
  const push = (claims: object): Promise<Response> =>
    issue({
      iss: "https://accounts.google.com",
      aud: "https://app.example/push",
      email: "push@project.iam.gserviceaccount.com",
      email_verified: true,
      ...claims,
    }).then((token) => receive(bearing(token, '{"message":{}}')));
  expect((await push({})).status).toBe(204);
  expect((await push({ email: "push@another.iam.gserviceaccount.com" })).status).toBe(403);
  expect((await push({ email_verified: "true" })).status).toBe(403);
  await expect(push({ aud: "https://another.example/push" })).rejects.toMatchObject({
    code: "invalid_token",
    reason: "wrong_audience",
  });
  expect(info.mock.calls).toEqual([[{ message: {} }]]);
});

it("a session that the server signs itself: signed, and verified by the same secret [S12]", async () => {
  vi.stubEnv("SESSION_KEY", "a secret of more than thirty-two bytes");
  const { sessionOf, visitorOf } = await load("Your own JWTs");
  const session = await sessionOf("ada");
  expect(await visitorOf(session)).toBe("ada");
  await expect(visitorOf(session.replace(/.....$/, "AAAAA"))).rejects.toMatchObject({
    code: "invalid_token",
  });
  vi.stubEnv("SESSION_KEY", "");
  const without = await load("Your own JWTs");
  await expect(without.sessionOf("ada")).rejects.toMatchObject({ reason: "no_key" });
});
