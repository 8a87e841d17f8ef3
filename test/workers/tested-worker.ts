/** The Worker of the tests: the class under a clock and a network that a test may take hold of. */
import {
  createVault,
  defineTokenVault,
  type GivenKeys,
  type Sender,
  type VaultContext,
  type VaultEvent,
} from "../../src/cloudflare.ts";
import { systemClock } from "../../src/refresh/clock.ts";
import type { Owner } from "../../src/cloudflare/wire.ts";
import type { Clock, Provider } from "../../src/types.ts";
import { TokenVault as Measured } from "./docs/metrics.ts";
import type { ObjectState } from "./strict-vmcloud.ts";

/** The tests share the isolate with the Worker, and each adds a provider of its own. */
export const providers: Record<string, Provider<never>> = {};

/** What a test may put in the way. */
export const hooks: {
  /** Added to the clock of object and Worker, milliseconds. */
  ahead: number;
  /** Instead of the object's own `fetch`. */
  fetch: typeof fetch | undefined;
  onEvent: ((event: VaultEvent, env: object, ctx: VaultContext) => unknown) | undefined;
  /** Instead of the secret. */
  keys: GivenKeys;
  /** What an object that is built gets besides its `env`. */
  env: object | undefined;
  /** What sends for the class that has a binding for that. */
  sender: Sender | typeof fetch | undefined;
  /** What has gone out by the service binding. */
  readonly outbound: string[];
  /** How often an object was asked for a token. */
  asked: number;
  /** Each `env` that the front door was given. */
  readonly envs: Set<object>;
  /** Between an adoption and its answer. */
  adopted: (() => Promise<void>) | undefined;
  /** What answers a test's request instead of a vault. */
  front: ((request: Request, ctx: VaultContext) => Promise<Response>) | undefined;
  /** The object that was built last. */
  abort: (reason?: string) => void;
} = {
  ahead: 0,
  fetch: undefined,
  onEvent: undefined,
  keys: undefined,
  env: undefined,
  sender: undefined,
  adopted: undefined,
  front: undefined,
  outbound: [],
  asked: 0,
  envs: new Set(),
  abort: () => {},
};

export const clock: Clock = {
  ...systemClock,
  now: () => Date.now() + hooks.ahead,
  // Time that passes by itself passes on both clocks.
  running: () => systemClock.running() + hooks.ahead,
};

const Vault = defineTokenVault<{ readonly TOKENKEEP_KEYS: string }>({
  providers,
  keys: (env) => hooks.keys ?? env.TOKENKEEP_KEYS,
  clock,
  dangerouslyAllowLoopbackHttp: true,
  fetch: () => (input, init) => (hooks.fetch ?? fetch)(input, init),
  onEvent: (event, env, ctx) => hooks.onEvent?.(event, env, ctx),
});

export class TokenVault extends Vault {
  constructor(...[ctx, env]: ConstructorParameters<typeof Vault>) {
    super(ctx, (hooks.env ? { ...(env as object), ...hooks.env } : env) as never);
    hooks.abort = (reason) => (ctx as unknown as ObjectState).abort(reason);
  }
  override token(...question: Parameters<Owner["token"]>): ReturnType<Owner["token"]> {
    hooks.asked++;
    return super.token(...question);
  }
  override async adopt(...question: Parameters<Owner["adopt"]>): ReturnType<Owner["adopt"]> {
    const said = await super.adopt(...question);
    await hooks.adopted?.();
    return said;
  }
}

export { TokenVault as DocsVault } from "./docs/set-up.ts";
export { TokenVault as SendingVault } from "./docs/bindings.ts";
export { ListVms } from "./docs/workflow.ts";

/** The recipe's class, with what a test may add to its `env`. */
export class MeasuredVault extends Measured {
  constructor(...[ctx, env]: ConstructorParameters<typeof Measured>) {
    super(ctx, { ...(env as object), ...hooks.env } as never);
  }
}

/** A second class with the same providers, as staging has beside production. */
export class OtherVault extends Vault {}

/** Another one, with providers and a network of its own, whose names may be those of the first. */
export const namedProviders: Record<string, Provider<never>> = {};
export const NamedVault = defineTokenVault({
  binding: "NAMED_VAULT",
  cache: "TOKEN_CACHE",
  providers: namedProviders,
  clock,
  dangerouslyAllowLoopbackHttp: true,
  fetch: () => hooks.sender ?? fetch,
});

/** The same, where somebody forgot SQLite. */
export class OldVault extends Vault {}

/** Where requests of tests arrive. */
export const FRONT = "front.example";

export default {
  /**
   * The front door: calls `?url` for the account `?account` of the provider `?provider`. Whatever else
   * comes has come by the service binding, and is sent on.
   */
  async fetch(request: Request, env: object, ctx: VaultContext): Promise<Response> {
    hooks.envs.add(env);
    const { host, searchParams } = new URL(request.url);
    if (host !== FRONT) {
      hooks.outbound.push(`${request.method} ${request.url}`);
      return fetch(request);
    }
    if (hooks.front) return hooks.front(request, ctx);
    const vault = createVault({
      provider: searchParams.get("provider")!,
      account: searchParams.get("account") ?? "default",
      dangerouslyAllowLoopbackHttp: true,
      env,
      ctx,
      clock,
    });
    return vault.fetch(searchParams.get("url")!);
  },
};
