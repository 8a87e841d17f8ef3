/** A page of an application whose server keeps the session: it has the application's cookie, and no token. */
import { beginSignIn, completeSignIn, type SignInOutcome } from "tokenkeep/oauth";
import { clientOf, readConfig } from "./oauth-config.ts";

const client = clientOf(readConfig(location.href));

const outcome: Promise<SignInOutcome> = completeSignIn(client, {
  async signIn(code) {
    const reply = await fetch("/session", { method: "POST", body: JSON.stringify(code) });
    if (!reply.ok) throw new Error("The server has signed nobody in");
  },
});

Object.assign(window, {
  signIn: {
    outcome: outcome.then(
      ({ type }) => type,
      () => "refused",
    ),
    begin: () => beginSignIn(client, { prompt: "consent" }),
  },
});
