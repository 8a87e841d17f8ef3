/** What the tests of `vault.fetch` stand on: a fresh server for each, and a vault signed in there. */
import { afterEach, expect } from "vitest";
import {
  createVault,
  type Snapshot,
  type Vault,
  type VaultEvent,
  type VaultOptions,
} from "../../../src/index.ts";
import { password, type PasswordCredentials } from "../../../src/providers/password.ts";
import { vmcloud } from "../../../src/providers/vmcloud.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Provider } from "../../../src/types.ts";
import { type SpawnedApi, spawnApi } from "../../apis/client.ts";
import type { Echo } from "../../apis/replies.ts";
import type { SpawnOptions } from "../../apis/serve.ts";
import { ada } from "../../apis/vmcloud-data.ts";

export type { Echo };

/** What differs between the runtimes. */
export interface FetchContract {
  /** Tells several of them apart. */
  readonly title?: string;
  /** The control server's address. */
  readonly control: string;
  /** Whether this runtime sends a stream as a body over HTTP/1.1. */
  readonly streams: boolean;
  /**
   * `false` under happy-dom 21: its `fetch` ignores the init that comes with a `Request`, and a
   * response that was cloned has no body any more. `true` by default.
   */
  readonly faithful?: boolean;
  /**
   * Where this runtime's own `fetch` departs from the standard, so that the vault is not held to it.
   * `"lengths"`, Deno 2.9: the body of a `Request` that was cloned is sent without its length.
   * `"refusals"`, Bun 1.4: a GET with a body is sent, and more. `"redirects"`, Bun 1.4: they lose a
   * string's content type, and more than twenty are followed. `"sends"`, Deno 2.9: what dies without a
   * reply is sent again, POSTs too. `"types"`, workerd: after a redirect a body's headers are kept
   * although the body is gone. Nothing by default.
   */
  readonly departs?: readonly ("lengths" | "refusals" | "redirects" | "sends" | "types")[];
  /** Makes the vault; `createVault` by default. */
  readonly make?: (options: VaultOptions<PasswordCredentials>) => Vault<PasswordCredentials>;
}

export interface Stage extends Required<FetchContract> {
  /** Another server, on another origin. It ends with the test. */
  spawn(options?: SpawnOptions): Promise<SpawnedApi>;
  /** A server, and a vault that is signed in to it. */
  open(options?: SpawnOptions, extra?: OpenOptions): Promise<Opened>;
}

export interface OpenOptions {
  /** More origins to which the token may go. */
  readonly alsoListed?: readonly string[];
  readonly user?: PasswordCredentials;
  /** How the API wants a token shown, and the provider shows it; `Authorization: Bearer` by default. */
  readonly presentation?: Presentation;
}

export type Presentation = Pick<Provider, "header" | "scheme">;

export interface Opened {
  readonly api: SpawnedApi;
  readonly vault: Vault<PasswordCredentials>;
  /** What has happened since the sign-in. */
  readonly events: VaultEvent[];
}

/** Browsers hide where a redirect leads; there, following it is theirs alone. */
export const hidesRedirects: boolean = typeof document === "object";

export function stages(contract: FetchContract): Stage {
  const open: { close(): unknown }[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one.close()));
  });

  async function spawn(options?: SpawnOptions): Promise<SpawnedApi> {
    const api = await spawnApi(contract.control, options);
    open.push(api);
    return api;
  }

  return {
    faithful: true,
    departs: [],
    title: "",
    make: createVault,
    ...contract,
    spawn,
    async open(options, { alsoListed = [], user = ada, presentation = {} } = {}) {
      const api = await spawn({ ...shownBy(presentation), ...options });
      const provider: Provider<PasswordCredentials> = vmcloud({ baseURL: api.url });
      const vault = (contract.make ?? createVault)({
        provider: {
          ...provider,
          ...presentation,
          origins: [...provider.origins, ...alsoListed],
        },
        store: memoryStore(),
        dangerouslyAllowLoopbackHttp: true,
      });
      open.push(vault);
      const { email, password } = user;
      await vault.signIn({ email, password });
      const events: VaultEvent[] = [];
      vault.events((event) => events.push(event));
      return { api, vault, events };
    },
  };
}

/** The options of a server that wants tokens shown in this way, and lets pages of other origins do so. */
function shownBy({ header = "authorization", scheme }: Presentation): SpawnOptions {
  const isBearer = header === "authorization" && scheme === undefined;
  return {
    shown: { header, scheme: isBearer ? "Bearer" : scheme },
    cors: { allowHeaders: ["authorization", "content-type", header, "x-other"] },
  };
}

/** A provider for VMCloud's endpoints that is written by hand. */
export const providerFor = (url: string): Provider<PasswordCredentials> =>
  password({
    name: "own",
    origins: [url],
    tokenUrl: `${url}/api/v1/auth/token`,
    refreshUrl: `${url}/api/v1/auth/refresh`,
    read: ({ token, refresh_token }) => ({ accessToken: token, refreshToken: refresh_token }),
  });

/** What the server saw of a call that it granted. */
export async function echoOf(response: Response | Promise<Response>): Promise<Echo> {
  const { status, ok } = await response;
  expect({ status, ok }).toEqual({ status: 200, ok: true });
  return (await (await response).json()) as Echo;
}

/** What the vault shows; where its owner is elsewhere, that is asked. */
export const snapshotOf = async (vault: Pick<Vault, "snapshot">): Promise<Snapshot> =>
  vault.snapshot();

/** How a call ended, to compare two of them: runtimes differ in messages. */
export async function outcome(call: Promise<Response>): Promise<string> {
  try {
    const { status, type, redirected } = await call;
    return `${status} ${type} ${redirected}`;
  } catch (error) {
    return `rejected: ${(error as Error).name}`;
  }
}
