/**
 * For the tests of an application: an API that a test rules, a vault in memory that is signed in, a clock, and for
 * Playwright a page that is signed in. For the author of a store: what every `TokenStore` must do. No test runner is
 * needed, and none is imported.
 *
 * @example
 * ```ts
 * import { storeContract } from "tokenkeep/testing";
 * import { memoryStore } from "tokenkeep/stores/memory";
 * import { it } from "vitest";
 *
 * for (const { title, run } of storeContract(() => memoryStore())) it(title, run);
 * ```
 *
 * @module
 */
export { type FakeApi, fakeApi, type FakeApiCounts, type FakeApiOptions } from "./testing/api.ts";
export { createClock, type TestClock, type TestClockOptions } from "./testing/clock.ts";
export type { FakeCall, Failure, FaultAim, FaultControls, HeldReply } from "./testing/faults.ts";
export { type SignedInPages, signInPages, type SignInPagesOptions } from "./testing/pages.ts";
export {
  type ContractCase,
  headOfRecord,
  sampleRecord,
  storeContract,
  type StoreContractOptions,
} from "./testing/store-contract.ts";
export type { IssuedTokens, TokenRules } from "./testing/tokens.ts";
export { type TestVault, testVault, type TestVaultOptions } from "./testing/vault.ts";
export type { MswHttp, RouteLike } from "./testing/wires.ts";
