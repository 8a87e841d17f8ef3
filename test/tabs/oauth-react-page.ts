/** A page as React has it: a component completes the login in an effect, which StrictMode runs twice. */
import { createElement, type ReactElement, StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { createVault } from "tokenkeep/browser";
import { beginSignIn, completeSignIn, type SignInOutcome } from "tokenkeep/oauth";
import { clientOf, providerOf, readConfig } from "./oauth-config.ts";

const config = readConfig(location.href);
const client = clientOf(config);
const vault = createVault({ provider: providerOf(config), dangerouslyAllowLoopbackHttp: true });
/** What each run of the effect was told, in the order in which they were told. */
const told: string[] = [];

function Page(): ReactElement {
  const [outcome, setOutcome] = useState<SignInOutcome>();
  useEffect(() => {
    let isMounted = true;
    void completeSignIn(client, vault).then((outcome) => {
      told.push(outcome.type);
      if (isMounted) setOutcome(outcome);
    });
    return () => {
      isMounted = false;
    };
  }, []);
  const name = String(vault.snapshot().profile?.["sub"]);
  return createElement("p", null, outcome ? `${outcome.type}: ${name}` : "one moment");
}

const root = document.body.appendChild(document.createElement("main"));
createRoot(root).render(createElement(StrictMode, null, createElement(Page)));
Object.assign(window, {
  signIn: { vault, told, begin: () => beginSignIn(client, { prompt: "consent" }) },
});
