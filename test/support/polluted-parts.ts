/** What the programs have in common that live a life under a polluted `Object.prototype` (S15). */
import { password, type PasswordOptions } from "../../src/providers/password.ts";
import type { Provider } from "../../src/types.ts";

export const ORIGIN = "https://api.acme.test";
export const VMS: string = `${ORIGIN}/v1/vms`;
export const root = Object.prototype as unknown as Record<string, unknown>;

/** Members that are its own, so that nothing here is misled itself. */
export const own = <T extends object>(value: T): T => ({ __proto__: null, ...value });

export const acme = (more: Partial<PasswordOptions<never>> = {}): Provider<never> =>
  password<never>({
    name: "acme",
    origins: [ORIGIN],
    tokenUrl: `${ORIGIN}/login`,
    refreshUrl: `${ORIGIN}/refresh`,
    ...more,
    read: (body) => ({ accessToken: body["access_token"], refreshToken: body["refresh_token"] }),
  });

/** Does one thing, and logs what came of it. */
export async function step(log: string[], name: string, work: () => unknown): Promise<void> {
  try {
    const got = await work();
    log.push(`${name}: ${got instanceof Response ? got.status : JSON.stringify(got)}`);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    log.push(`${name} fails: ${code} ${message}`);
  }
}
