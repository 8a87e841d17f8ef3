/** Mutants of a worker that owns the session, and of its pages: see `mutant.ts`. */
import type { VaultPort, VaultWorker } from "../../src/worker/connect.ts";
import { type Mutant, over, type Wrap, wrapper } from "./mutant.ts";

const ofAccount = wrapper<typeof import("../../src/worker/account.ts")>("src/worker/account.ts");
const ofConnect = wrapper<typeof import("../../src/worker/connect.ts")>("src/worker/connect.ts");
const ofErrors = wrapper<typeof import("../../src/errors.ts")>("src/errors.ts");
const ofHold = wrapper<typeof import("../../src/worker/hold.ts")>("src/worker/hold.ts");
const ofLifetime = wrapper<typeof import("../../src/grant/lifetime.ts")>("src/grant/lifetime.ts");
const ofNarrow = wrapper<typeof import("../../src/worker/narrow.ts")>("src/worker/narrow.ts");
const ofPolicy = wrapper<typeof import("../../src/request/policy.ts")>("src/request/policy.ts");
const ofSend = wrapper<typeof import("../../src/worker/send.ts")>("src/worker/send.ts");
const ofServe = wrapper<typeof import("../../src/worker/serve.ts")>("src/worker/serve.ts");
const ofSyntax = wrapper<typeof import("../../src/guard/syntax.ts")>("src/guard/syntax.ts");

const WORKER = "test/unit/worker/answers.test.ts";
const PAGE = "test/unit/worker/connect.test.ts";
const ATTACH = "test/unit/worker/attach.test.ts";
const HELD = "test/unit/worker/hold.test.ts";
const LINK = "test/unit/worker/link.test.ts";
const NARROW = "test/unit/worker/narrow.test.ts";
const SENDS = "test/unit/worker/send.test.ts";
const SILENCE = "test/unit/worker/ask.test.ts";
const TICKETS = "test/unit/worker/tickets.test.ts";

type Check = (typeof import("../../src/errors.ts"))["check"];
type Connect = (typeof import("../../src/worker/connect.ts"))["connectVault"];
type Serve = (typeof import("../../src/worker/serve.ts"))["serveVault"];
type Question = Parameters<ReturnType<Serve>["postMessage"]>[0];

/** Serves otherwise: `change` is given what serves, to begin with other options or in other surroundings. */
const serving = (
  change: (serve: (options: object) => ReturnType<Serve>, options: object) => ReturnType<Serve>,
): Wrap =>
  ofServe(
    "serveVault",
    (original) => (options) => change((one) => original(one as typeof options), options),
  );

/** A worker to which each question comes changed. */
const hearing = (change: (question: Question) => Question): Wrap =>
  serving((serve, options) => {
    const { addEventListener: real } = globalThis as {
      addEventListener?: (type: string, listener: (event: { data?: unknown }) => void) => void;
    };
    const listen = (type: string, listener: (event: object) => void): void =>
      real?.(type, (event) => listener(over(event, { data: change(event.data) })));
    Object.assign(globalThis, { addEventListener: real && listen });
    try {
      const served = serve(options);
      return over(served, {
        postMessage: (data, ports) => served.postMessage(change(data), ports),
      });
    } finally {
      Object.assign(globalThis, { addEventListener: real });
    }
  });

/** Connects otherwise. */
const connecting = (
  change: (
    connect: Connect,
    start: Parameters<Connect>[0],
    options: Parameters<Connect>[1],
  ) => ReturnType<Connect>,
): Wrap =>
  ofConnect(
    "connectVault",
    (original) => (start, options) => change(original as Connect, start, options) as never,
  );

/** A page whose questions go to the worker through `relay`. */
const relaying = (relay: (port: VaultPort) => VaultPort): Wrap =>
  connecting((connect, start, options) =>
    connect(async () => {
      const made = (await start()) as VaultWorker & { port?: VaultPort; active?: VaultPort };
      return relay(made.port ?? made.active ?? (made as VaultPort));
    }, options),
  );

/** A port's answers, changed; what the page says after its question is not handed on. */
const answering =
  (change: (answer: object) => object) =>
  (port: VaultPort): VaultPort => ({
    postMessage(question, [to]) {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data }) => {
        to?.postMessage(change(Object(data)));
        port1.close();
      };
      port.postMessage(question, [port2]);
    },
  });

export const worker: readonly Mutant[] = [
  {
    name: "a worker gives its token for any URL",
    law: "S1, law 4",
    ...ofPolicy("createPolicy", (original) => (...args) => {
      const policy = original(...args);
      const judge = (url: string): string => policy(url) ?? url;
      return Object.assign(judge, { unlisted: policy.unlisted });
    }),
    test: TICKETS,
    title: "is given for listed URLs only",
  },
  {
    name: "a worker gives its token to a request that has the header itself",
    law: "S6",
    ...ofNarrow("toNeed", (original) => (need) => ({ ...original(need), headers: [] })),
    test: TICKETS,
    title: "is not given to a request that has this header itself",
  },
  {
    name: "a page lets the browser follow with a header that it keeps on",
    law: "S2",
    ...ofSend(
      "createSend",
      (original) => (options) => (input, init) =>
        original(options)(input, {
          ...init,
          fetch: (request) => fetch(new Request(request as Request, { redirect: "follow" })),
        }),
    ),
    test: SENDS,
    title: "is not followed by the browser",
  },
  {
    name: "a worker that isolates gives its token to whoever asks",
    law: "S7",
    ...serving((serve, options) => serve({ ...options, isolated: false })),
    test: ATTACH,
    title: "under isolation gives no token",
  },
  {
    name: "a worker answers questions of any version",
    law: "S10",
    ...hearing((question) =>
      question instanceof Object && "tokenkeep" in question
        ? { ...question, tokenkeep: 1 }
        : question,
    ),
    test: WORKER,
    title: "of another version is told so",
  },
  {
    name: "a service worker refreshes though nothing holds it",
    law: "F39",
    ...ofHold("createHold", (original) => () => over(original(), { isHeld: () => true })),
    test: HELD,
    title: "begins no refresh that no event would hold",
  },
  {
    name: "a question of any length is read",
    law: "S10",
    ...ofNarrow(
      "isText",
      () =>
        (value): value is string =>
          typeof value === "string",
    ),
    test: WORKER,
    title: "with too long arguments is refused",
  },
  {
    name: "an account of a page's may have any name",
    law: "S10, S11",
    ...ofSyntax(
      "isAccount",
      () =>
        (name): name is string =>
          name === name,
    ),
    test: WORKER,
    title: "with no account is refused",
  },
  {
    name: "one worker keeps any number of accounts",
    law: "S10, S11",
    ...ofErrors("check", (original: Check) => (condition, what) => {
      if (!what.includes("fewer accounts")) original(condition, what);
    }),
    test: "test/unit/worker/accounts.test.ts",
    title: "are refused while all of them are being asked",
  },
  {
    name: "a page takes any time for a server's",
    law: "F16, S10",
    ...ofNarrow("toTime", () => (value) => value as number),
    also: [ofLifetime("skewOf", () => (date, now) => (date ?? now) - now)],
    test: TICKETS,
    title: "is signed by the time of its 401",
  },
  {
    name: "tokens go to the page's own files",
    law: "S1",
    ...serving((serve, options) => {
      const served = serve(options);
      return over(served, {
        attachTokens(event, account) {
          const { request } = event as Event & { request: Request };
          const plain = over(request, { destination: "" });
          return served.attachTokens(over(event, { request: plain } as object), account);
        },
      });
    }),
    test: ATTACH,
    title: "attaches tokens to what may have one",
  },
  {
    name: "a page that is not controlled goes on without a token",
    law: "S7",
    ...serving((serve, options) => {
      const { clients } = globalThis as { clients?: { matchAll(): Promise<unknown> } };
      const all = { some: () => true };
      if (clients)
        Object.assign(globalThis, { clients: over(clients, { matchAll: async () => all }) });
      return serve(options);
    }),
    test: ATTACH,
    title: "under isolation gives no token",
  },
  {
    name: "a question that is given up is answered all the same",
    law: "P14",
    ...ofAccount("createAccount", (original) => (...args) => {
      const account = original(...args);
      const { vault } = account;
      return {
        ...account,
        vault: over(vault, { signIn: (credentials) => vault.signIn(credentials) }),
      };
    }),
    test: PAGE,
    title: "an abort reaches the worker",
  },
  {
    name: "nothing holds a service worker that refreshes",
    law: "F31, F39",
    ...ofHold("createHold", (original) => () => {
      const one = original();
      const quiet = { waitUntil: () => {} };
      return over(one, {
        hold: (work, event) => one.hold(work, event && quiet),
        extend: () => {},
      });
    }),
    test: HELD,
    title: "is held by the event",
  },
  {
    name: "a page sends whatever it is given for a token",
    law: "S5, S10",
    ...ofNarrow("isRight", (original) => ({
      ...original,
      token: (value): value is never => value !== null,
    })),
    test: NARROW,
    title: "in place of a token is not sent",
  },
  {
    name: "an answer that was overtaken brings its state back",
    law: "F9",
    ...ofNarrow("toReply", (original) => {
      let times = 0;
      return (message) => {
        const { state, ...reply } = original(message);
        const later = (seq: number): number => seq + 1e6 * times;
        times += 1;
        return {
          ...reply,
          state: state && {
            ...state,
            seq: later(state.seq ?? 0),
            news: state.news?.map((one) => ({ ...one, seq: later(one.seq) })) ?? [],
          },
        };
      };
    }),
    test: NARROW,
    title: "answers that overtake each other",
  },
  {
    name: "a page does not tell the time of a 401",
    law: "F16",
    ...ofSend(
      "createSend",
      (original) => (options) =>
        original({
          ...options,
          getTicket: ({ date: _, ...need }, ...rest) => options.getTicket(need, ...rest),
        }),
    ),
    test: "test/unit/worker/same-as-vault.test.ts",
    title: "with a clock",
  },
  {
    name: "a page that gives up tells nobody",
    law: "P14",
    ...relaying(answering((answer) => answer)),
    test: PAGE,
    title: "an abort reaches the worker",
  },
  {
    name: "a page counts as controlled before it is",
    law: "S7",
    ...ofNarrow("toReply", (original) => (message) => {
      const { state, ...reply } = original(message);
      return { ...reply, state: state && { ...state, isolated: false } };
    }),
    test: LINK,
    title: "is there when the page is controlled",
  },
  {
    name: "a page believes a worker of another version",
    law: "S10",
    ...relaying(answering((answer) => ({ ...answer, tokenkeep: 1 }))),
    test: SILENCE,
    title: "a worker that is updated to another version",
  },
  {
    name: "nothing stands in for a worker",
    law: "P10",
    ...connecting((connect, start, { fallback: _, ...options } = {}) => connect(start, options)),
    test: SILENCE,
    title: "a worker that is updated to another version",
  },
  {
    name: "a password is sent again to a worker that is silent",
    law: "S4, P10",
    ...connecting((connect, start, options) => {
      const vault = connect(start, options);
      return over(vault, {
        signIn: (...args) => vault.signIn(...args).catch(() => vault.signIn(...args)),
      });
    }),
    test: SILENCE,
    title: "any more is not sent a password again",
  },
  {
    name: "a closed page waits on",
    law: "P10",
    ...connecting((connect, start, options) => over(connect(start, options), { close: () => {} })),
    test: PAGE,
    title: "closed, it gives up what it asked",
  },
  {
    name: "a stream is sent again",
    law: "P11, F21",
    ...ofSend("createSend", (original) => (...args) => {
      const send = original(...args);
      return async (input, init) => {
        const { body } = init ?? {};
        return body instanceof ReadableStream
          ? send(input, { ...init, body: await new Response(body).text() })
          : send(input, init);
      };
    }),
    test: PAGE,
    title: "sends a stream once",
  },
];
