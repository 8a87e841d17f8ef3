/** Mutants of the engine as a whole, and of the vault around it: see `mutant.ts`. */
import { type Mutant, over, type Wrap, wrapper } from "./mutant.ts";
import { ACCOUNTS, CLOSING } from "./tests.ts";

const ofEngine = wrapper<typeof import("../../src/refresh/engine.ts")>("src/refresh/engine.ts");
const ofVault = wrapper<typeof import("../../src/vault/vault.ts")>("src/vault/vault.ts");

type Engine = ReturnType<(typeof import("../../src/refresh/engine.ts"))["createEngine"]>;

const engine = (change: (engine: Engine) => Partial<Engine>): Wrap =>
  ofEngine("createEngine", (original) => (...args) => {
    const one = original(...args);
    return over(one, change(one));
  });

export const vault: readonly Mutant[] = [
  {
    name: "close() ends nothing of what was begun",
    law: "P21",
    ...engine(() => ({ close: async () => {} })),
    test: CLOSING,
    title: "a closed vault",
  },
  {
    name: "the server's time is not learned from its 401",
    law: "F16",
    ...engine((one) => ({
      getToken: ({ date: _, ...need } = {}) => one.getToken(need),
    })),
    test: "test/unit/vault/self-signed-clock.test.ts",
    title: "with a clock",
  },
  {
    name: "an adoption is not known by its id",
    law: "F101",
    ...engine((one) => ({ adopt: (grant) => one.adopt(grant) })),
    test: "test/unit/refresh/adopting.test.ts",
    title: "an adoption that is asked for twice",
  },
  {
    name: "a listener that joins takes the news from the others",
    law: "law 6",
    ...ofVault(
      "createVaultWith",
      (original) =>
        <Credentials>(...args: Parameters<typeof original<Credentials>>) => {
          const one = original<Credentials>(...args);
          let stop = (): void => {};
          return over(one, {
            subscribe(listener) {
              stop();
              return (stop = one.subscribe(listener));
            },
          });
        },
    ),
    test: "test/unit/vault/snapshot.test.ts",
    title: "one that joins in the task of a change",
  },
  {
    name: "an event shows the whole session",
    law: "S4, S7, law 5",
    ...ofEngine(
      "createEngine",
      (original) => (key, options, onNews) =>
        original(key, options, (type, session) => onNews(type, session, session as never)),
    ),
    test: "test/unit/vault/no-secrets.test.ts",
    title: "shows no secret",
  },
  {
    name: "a removed account leaves no tombstone",
    law: "P4, F49",
    ...ofVault(
      "createVaultWith",
      (original) =>
        <Credentials>(...args: Parameters<typeof original<Credentials>>) => {
          const one = original<Credentials>(...args);
          const { store } = args[0];
          return over(one, {
            async removeAccount(account) {
              await one.removeAccount(account);
              for (const key of await store.list("")) {
                const head = await store.head(key);
                if (head?.tombstone) await store.write(key, undefined, head);
              }
            },
          });
        },
    ),
    test: ACCOUNTS,
    title: "a removed account leaves a tombstone for a day",
  },
];
