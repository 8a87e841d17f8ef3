/** A vault in memory over a fake API, signed in. */
import { createVault } from "../index.ts";
import type { PasswordCredentials } from "../providers/password.ts";
import { memoryStore } from "../stores/memory.ts";
import type { Provider, VaultOptions } from "../types.ts";
import type { Vault, VaultEvent } from "../vault/vault.ts";
import { type FakeApi, fakeApi } from "./api.ts";

/** The options of {@link testVault}: the vault's own, all optional, and what is told here. */
export interface TestVaultOptions<Credentials> extends Omit<
  Partial<VaultOptions<Credentials>>,
  "provider"
> {
  /** The API that the vault's requests go to; a new {@link fakeApi} by default, by the same clock. */
  readonly api?: FakeApi;
  /**
   * Signs in with these; by default it adopts tokens of the API. A provider that renews by refresh tokens renews
   * them. With any other, such as `mint` or `clary-jwt`, the session ends when the tokens do.
   */
  readonly credentials?: Credentials;
  /** Whether the vault is signed in; `true` by default. */
  readonly signedIn?: boolean;
}

/** What {@link testVault} gives. Close the vault when the test has ended. */
export interface TestVault<Credentials> {
  readonly vault: Vault<Credentials>;
  readonly api: FakeApi;
  /** Every event so far. */
  readonly events: readonly VaultEvent[];
}

/**
 * Opens a vault in memory, signed in, whose requests all go to a fake API.
 *
 * @throws VaultError as `createVault` does, and as `adopt` or `signIn` does.
 *
 * @example
 * ```ts
 * import { testVault } from "tokenkeep/testing";
 *
 * const { vault, api } = await testVault();
 * api.expire();
 * const response = await vault.fetch(`${api.origin}/things`);
 * console.log(response.status, api.counts.refreshes);
 * vault.close();
 * ```
 */
export function testVault(
  options?: TestVaultOptions<PasswordCredentials> & { readonly provider?: undefined },
): Promise<TestVault<PasswordCredentials>>;
export function testVault<Credentials>(
  options: TestVaultOptions<Credentials> & {
    /** The API's provider; the fake API's own by default. */
    readonly provider: Provider<Credentials>;
  },
): Promise<TestVault<Credentials>>;
export async function testVault<Credentials>(
  options:
    | (TestVaultOptions<PasswordCredentials> & { readonly provider?: undefined })
    | (TestVaultOptions<Credentials> & { readonly provider: Provider<Credentials> }) = {},
): Promise<TestVault<PasswordCredentials> | TestVault<Credentials>> {
  const { clock } = options;
  const api = options.api ?? fakeApi(clock && { clock });
  return options.provider === undefined
    ? open({ ...options, api, provider: api.provider })
    : open({ ...options, api });
}

async function open<Credentials>(
  given: TestVaultOptions<Credentials> & {
    readonly api: FakeApi;
    readonly provider: Provider<Credentials>;
  },
): Promise<TestVault<Credentials>> {
  const { api, credentials, signedIn = true, ...options } = given;
  // Without a compiler's look an option may be `undefined`: then too no request of a test goes to the network.
  const { store = memoryStore(), fetch = api.fetch } = options;
  const vault = createVault<Credentials>({ ...options, store, fetch });
  const events: VaultEvent[] = [];
  vault.events((event) => events.push(event));
  try {
    if (signedIn && credentials !== undefined) await vault.signIn(credentials);
    else if (signedIn) await vault.adopt(api.grant());
  } catch (error) {
    // Nobody else can: the test has no vault to close.
    vault.close();
    throw error;
  }
  return { vault, api, events };
}
