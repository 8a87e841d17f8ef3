/**
 * What one of several processes does: it obeys, line by line of JSON, and answers in the same way. `member-processes.ts` gives
 * the orders.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { isVaultError } from "../../src/errors.ts";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import type { Vault } from "../../src/vault/contract.ts";

/** What every such process can be told. */
export interface Order {
  /** Lets time pass, milliseconds. */
  readonly advance?: number;
  readonly signIn?: PasswordCredentials;
  readonly signOut?: true;
  /** Fetches this, as often as told. */
  readonly fetch?: string;
  readonly times?: number;
  /** Asks for the session's generation, and whether it is stored. */
  readonly generation?: true;
}

/** HTTP statuses, or the codes of errors; or a generation, and whether it is stored. */
export type Results = readonly (number | string)[];

export interface Answer {
  readonly id: number;
  readonly results: Results;
}

/** How an error is told: by its code. */
export const codeOf = (error: unknown): string =>
  isVaultError(error) ? error.code : String(error);

/** How it is told where its message matters, too. */
export const messageOf = (error: unknown): string =>
  isVaultError(error) ? `${error.code}: ${error.message}` : String(error);

/** Carries an order out, once its time has passed. */
export async function carryOut(
  vault: Vault<PasswordCredentials>,
  { signIn, signOut, fetch: url, times = 1, generation }: Order,
  told: (error: unknown) => string = codeOf,
): Promise<Results> {
  async function call(at: string): Promise<number | string> {
    try {
      const response = await vault.fetch(at);
      await response.body?.cancel();
      return response.status;
    } catch (error) {
      return told(error);
    }
  }

  if (signIn) await vault.signIn(signIn);
  if (signOut) await vault.signOut();
  const results = url ? await Promise.all(Array.from({ length: times }, () => call(url))) : [];
  const { generation: current = 0, persisted } = vault.snapshot();
  return generation ? [...results, current, String(persisted)] : results;
}

/** Obeys until nobody gives orders any more. Orders may overtake each other. */
export async function obey<More>(carry: (order: Order & More) => Promise<Results>): Promise<never> {
  async function answer({ id, ...order }: { id: number } & Order & More): Promise<void> {
    const results = await carry(order as unknown as Order & More);
    console.log(JSON.stringify({ id, results } satisfies Answer));
  }
  for await (const line of createInterface({ input: process.stdin })) void answer(JSON.parse(line));
  process.exit();
}
