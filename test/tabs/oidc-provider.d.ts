/** The part of `oidc-provider` that the tests use; it brings no types. */
declare module "oidc-provider" {
  import type { IncomingMessage, ServerResponse } from "node:http";

  export default class Provider {
    constructor(issuer: string, configuration: object);
    callback(): (request: IncomingMessage, response: ServerResponse) => void;
    on(event: string, listener: (...args: any[]) => void): void;
    readonly AccessToken: {
      find(token: string): Promise<{ isValid: boolean; accountId: string } | undefined>;
    };
  }
}
