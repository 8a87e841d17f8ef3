/** JWTs that others signed, and JWTs that are signed here, in every runtime: see the files of `jwt/`. */
import { jwtAttacks } from "./jwt/attacks.ts";
import { jwtClaims } from "./jwt/claims.ts";
import { jwtPolluted } from "./jwt/pollution.ts";
import { jwtRemote, type RemoteContract } from "./jwt/remote.ts";

export function jwtContract(options: RemoteContract): void {
  jwtAttacks();
  jwtClaims();
  jwtPolluted();
  jwtRemote(options);
}
