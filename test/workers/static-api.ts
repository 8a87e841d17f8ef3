/** An API with a token that nobody can renew. */
import type { Provider } from "../../src/types.ts";

export const qovery = (url: string): Provider<never> => ({
  name: "static",
  origins: [url],
  scheme: "Token",
});
