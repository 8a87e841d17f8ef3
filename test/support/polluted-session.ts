/**
 * A program: one session's life, once as it is and then with texts on `Object.prototype` under
 * names (S15). It prints what was another life, as JSON. In a process of its own, because a test runner does not
 * live through that. The names come in `NAMES`.
 */
import { createVault, type Vault } from "../../src/index.ts";
import { artos } from "../../src/providers/artos.ts";
import { cookie } from "../../src/providers/cookie.ts";
import { staticToken } from "../../src/providers/static-token.ts";
import { encrypted, keyring } from "../../src/stores/encrypted.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { Provider } from "../../src/types.ts";
import { acme, ORIGIN, own, root, step, VMS } from "./polluted-parts.ts";

const json = (status: number, body: object): Response =>
  new Response(JSON.stringify(body), own({ status, headers: own({ date: "x" }) }));

interface Api {
  mode: "good" | "refuses" | "fails";
  /** The least token that it lets through. */
  least: number;
  issued: number;
}

function answer(api: Api, url: URL, authorization: string): Response {
  if (/^\/(login|refresh|get-access-token)$/.test(url.pathname)) {
    if (api.mode === "refuses") return json(401, { error: "invalid_grant", detail: "no" });
    if (api.mode === "fails") {
      // Once: the next try is welcome.
      api.mode = "good";
      return json(429, {});
    }
    api.issued += 1;
    return json(200, { access_token: `t-${api.issued}`, refresh_token: `r-${api.issued}` });
  }
  if (url.pathname === "/moved")
    return new Response(null, own({ status: 302, headers: own({ location: "/v1/here" }) }));
  if (url.pathname === "/revoke" || url.origin !== ORIGIN) return json(200, {});
  const [, number = "0"] = /t-(\d+)$/.exec(authorization) ?? [];
  return Number(number) < api.least ? json(401, {}) : json(200, {});
}

/** What a call says for itself, whatever its prototype says. */
function seen(input: unknown, init: object | undefined): [string, string] {
  const said = own({ ...init }) as { method?: string; headers?: object; body?: unknown };
  const url = input instanceof Request ? input.url : String(input);
  const headers = new Headers(own({ ...said.headers }) as Record<string, string>);
  const authorization = headers.get("authorization") ?? "";
  const { method = "GET", body = "" } = said;
  const kind = typeof body === "string" ? body : Object.prototype.toString.call(body);
  return [authorization, `${method} ${url} ${authorization} ${kind}`];
}

interface Life {
  readonly log: string[];
  readonly api: Api;
  readonly fetch: typeof fetch;
}

function life(): Life {
  const log: string[] = [];
  const api: Api = own({ mode: "good", least: 1, issued: 0 });
  const send = async (input: unknown, init?: object): Promise<Response> => {
    const [authorization, line] = seen(input, init);
    log.push(line);
    return answer(
      api,
      new URL(String(input instanceof Request ? input.url : input)),
      authorization,
    );
  };
  return own({ log, api, fetch: send as typeof fetch });
}

const bodies = {
  text: "a text",
  form: new FormData(),
  parameters: new URLSearchParams("a=1"),
  blob: new Blob(["blob"]),
  bytes: new Uint8Array([1, 2]),
  stream: () => new Blob(["stream"]).stream(),
};

async function requests({ log, api }: Life, vault: Vault<never>, again: () => unknown) {
  const { signal } = new AbortController();
  const addresses = [VMS, `${ORIGIN}/moved`, "https://evil.test/v1"];
  for (const url of addresses) {
    await step(log, "a text", () => vault.fetch(url));
    await step(log, "a URL", () => vault.fetch(new URL(url)));
    await step(log, "a signal", () => vault.fetch(url, own({ signal })));
  }
  for (const [name, body] of Object.entries(bodies)) {
    await again();
    api.least = api.issued + 1;
    await step(log, name, () => vault.fetch(VMS, own({ method: "POST", body })));
  }
}

async function ends({ log, api }: Life, vault: Vault<never>, again: () => unknown) {
  for (const mode of ["fails", "refuses"] as const) {
    await again();
    api.least = api.issued + 1;
    api.mode = mode;
    await step(log, `a refresh that ${mode}`, () => vault.fetch(VMS));
    api.mode = mode;
    await step(log, `a sign-in that ${mode}`, again);
    api.mode = "good";
  }
}

/** From a sign-in to a sign-out, with everything that may happen in between. */
async function live(
  one: Life,
  open: (fetch_: typeof fetch) => Vault<never>,
  credentials: object,
  pollute: () => void,
): Promise<string[]> {
  const { log } = one;
  const vault = open(one.fetch);
  vault.events(({ type, status, origin }) => log.push(`event ${type} ${status} ${origin}`));
  const again = (): Promise<void> => vault.signIn(credentials as never);
  await again();
  pollute();
  await requests(one, vault, again);
  await ends(one, vault, again);
  await step(log, "signing in", again);
  await step(log, "a token", () => vault.getToken());
  await step(log, "a header", () => vault.authorization());
  await step(log, "accounts", () => vault.accounts());
  // As another tab finds it.
  const other = open(one.fetch);
  await step(log, "another's", () => other.fetch(VMS));
  await step(log, "adopting", () => vault.adopt(own({ accessToken: "t-99" })));
  await step(log, "a snapshot", () => own({ ...vault.snapshot(), issuedAt: 0 }));
  await step(log, "signing out", () => vault.signOut());
  await step(log, "after it", () => vault.fetch(VMS));
  await step(log, "another's state", () => other.getToken());
  vault.close();
  other.close();
  return log;
}

// As in a page, where `fetch` keeps cookies. A logout would go when it likes: the log has an order.
Object.assign(globalThis, { document: own({ cookie: "csrf=a; other=b" }) });

const byCookie = (): Provider<never> =>
  cookie<never>({
    name: "cookie",
    origins: [ORIGIN],
    loginUrl: `${ORIGIN}/login`,
    refreshUrl: `${ORIGIN}/refresh`,
    read: (body) => ({ accessToken: body["access_token"] }),
    csrf: own({ header: "authorization", cookie: "csrf" }),
  }) as Provider<never>;

const keys = `k1:${btoa("0123456789abcdef0123456789abcdef")}`;

/** Each mechanism, with the credentials that it takes. */
const mechanisms: readonly (readonly [() => Provider<never>, object])[] = [
  [byCookie, own({ email: "ada@acme.test", password: "secret" })],
  [
    () => acme({ revokeUrl: `${ORIGIN}/revoke` }),
    own({ email: "ada@acme.test", password: "secret" }),
  ],
  [
    () => artos({ baseURL: ORIGIN, dangerouslyAllowInBrowser: true }) as Provider<never>,
    own({ userId: "ada" }),
  ],
  [
    () =>
      staticToken({
        name: "static",
        origins: [ORIGIN],
        dangerouslyAllowInBrowser: true,
      }) as Provider<never>,
    own({ token: "t-1000" }),
  ],
];

async function all(pollute: () => void, clean: () => void): Promise<string[]> {
  const logs: string[] = [];
  for (const [make, credentials] of mechanisms) {
    const store = encrypted(memoryStore(), keyring(keys));
    const provider = make();
    const open = (fetch_: typeof fetch): Vault<never> =>
      createVault({ provider, store, fetch: fetch_, random: () => 0 });
    logs.push(...(await live(life(), open, credentials, pollute).finally(clean)));
  }
  return logs;
}

const asIs = await all(
  () => {},
  () => {},
);

/** What these names change, if anything. */
async function difference(names: readonly string[]): Promise<string | undefined> {
  const pollute = (): void => names.forEach((name) => void (root[name] = "polluted"));
  const clean = (): void => names.forEach((name) => Reflect.deleteProperty(root, name));
  const got = await all(pollute, clean);
  const at = got.findIndex((line, index) => line !== asIs[index]);
  if (at < 0 && got.length === asIs.length) return undefined;
  return `${names.join()}: ${got[at]}, and not: ${asIs[at]}`;
}

/** Many at a time; where they change anything, one by one. */
const AT_ONCE = 80;
const names = (process.env["NAMES"] ?? "").split(" ").filter(Boolean);
const differences: string[] = [];
for (let start = 0; start < names.length; start += AT_ONCE) {
  const some = names.slice(start, start + AT_ONCE);
  const found = await difference(some);
  if (found === undefined) continue;
  const ones: string[] = [];
  for (const name of some) ones.push((await difference([name])) ?? "");
  differences.push(...(ones.some(Boolean) ? ones.filter(Boolean) : [found]));
}
console.log(JSON.stringify({ steps: asIs.length, differences }));
process.exit(0);
