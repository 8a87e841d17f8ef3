/** `createVault` of `tokenkeep/node`, in one process. */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createVault, type NodeVaultOptions, type Vault } from "../../src/node.ts";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { clockAhead } from "../support/clock.ts";
import { providerOf, serve, type Served } from "../support/vault-over-server.ts";

const DAY = 86_400_000;
let api: Served;
let folder = "";
const vaults = new Set<Vault<PasswordCredentials>>();
beforeAll(async () => {
  api = await serve();
});
afterAll(() => api.close());
beforeEach(() => {
  folder = path.join(mkdtempSync(path.join(os.tmpdir(), "tokenkeep-vault-")), "sessions");
});
afterEach(async () => {
  for (const vault of vaults) await vault[Symbol.asyncDispose]();
  vaults.clear();
  rmSync(path.dirname(folder), { recursive: true, force: true });
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  api.reset();
});

function open(
  options: Partial<NodeVaultOptions<PasswordCredentials>> = {},
): Vault<PasswordCredentials> {
  const vault = createVault({
    provider: providerOf(api),
    path: folder,
    dangerouslyAllowLoopbackHttp: true,
    ...options,
  });
  vaults.add(vault);
  return vault;
}

const credentials = { email: "ada", password: "secret" };
const paths = (): (string | undefined)[] => api.seen.map((seen) => seen.path);

/** As the next run of a tool: nothing is left of this one's memory. */
async function end(vault: Vault<PasswordCredentials>): Promise<void> {
  await vault[Symbol.asyncDispose]();
  vaults.delete(vault);
}

describe("a session", () => {
  it("is there at the next run, sealed, in files of the user alone [S8 F89]", async () => {
    const first = open();
    await first.signIn(credentials);
    expect(first.snapshot().persisted).toBe(true);
    const names = readdirSync(folder);
    expect(names).toEqual(expect.arrayContaining(["key", "sessions.db", "sessions.db-wal"]));
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of names.filter((one) => one !== "locks")) {
      const file = path.join(folder, name);
      expect([name, statSync(file).mode & 0o777]).toEqual([name, 0o600]);
      expect(readFileSync(file, "latin1")).not.toMatch(/token-1|r-1/);
    }
    await end(first);
    const second = open();
    expect((await second.fetch(`${api.url}/things`)).status).toBe(200);
    expect(api.seen.at(-1)?.authorization).toBe("Bearer token-1");
    expect(paths().filter((one) => one === "/login")).toHaveLength(1);
  });

  it("lies in the user's state folder unless a path is given [S11]", async () => {
    vi.stubEnv("XDG_STATE_HOME", path.dirname(folder));
    const vault = createVault({ provider: providerOf(api), dangerouslyAllowLoopbackHttp: true });
    vaults.add(vault);
    await vault.signIn(credentials);
    expect(existsSync(path.join(path.dirname(folder), "tokenkeep", "sessions.db"))).toBe(
      process.platform === "linux",
    );
  });

  it("sealed by the application's keys needs them, and no key file is made [S8 P16]", async () => {
    const keys = `k1:${Buffer.alloc(32, "key").toString("base64")}`;
    const first = open({ keys });
    await first.signIn(credentials);
    expect(readdirSync(folder)).not.toContain("key");
    await end(first);
    const without = open();
    await expect(without.getToken()).rejects.toMatchObject({
      code: "store_unavailable",
      message: /key ring/,
    });
    expect(without.snapshot().status).toBe("unavailable");
    await end(without);
    expect(await open({ keys }).getToken()).toBe("token-1");
  });

  it("ends where the key file is deleted, and a new sign-in is kept [F29]", async () => {
    const first = open();
    await first.signIn(credentials);
    await end(first);
    rmSync(path.join(folder, "key"));
    const second = open();
    await expect(second.getToken()).rejects.toMatchObject({ code: "no_session" });
    await second.signIn(credentials);
    await end(second);
    expect(await open().getToken()).toBe("token-2");
  });

  it("whose key file is deleted ends for a process that runs, too: one new sign-in is for all [F29 P16 P19]", async () => {
    const running = open({ maxStaleness: 0 });
    await running.signIn(credentials);
    rmSync(path.join(folder, "key"));
    const second = open({ maxStaleness: 0 });
    await expect(second.getToken()).rejects.toMatchObject({ code: "no_session" });
    await second.signIn(credentials);
    // A call that began in the session before does not go on in the next one.
    await expect(running.getToken()).rejects.toMatchObject({ code: "session_changed" });
    expect(await running.getToken()).toBe("token-2");
    await running.signIn(credentials);
    await expect(second.getToken()).rejects.toMatchObject({ code: "session_changed" });
    expect(await second.getToken()).toBe("token-3");
  });

  it("is over for a process whose folder was deleted, and the next sign-in goes into a new one [P4 P16]", async () => {
    const vault = open({ maxStaleness: 0 });
    await vault.signIn(credentials);
    rmSync(folder, { recursive: true });
    await expect(vault.getToken()).rejects.toMatchObject({ code: "no_session" });
    await vault.signIn(credentials);
    expect(vault.snapshot().persisted).toBe(true);
    await end(vault);
    expect(await open().getToken()).toBe("token-2");
  });

  it("of many accounts takes one handle, which the last vault closes [S11]", async () => {
    const [ada, bob] = [open({ account: "ada" }), open({ account: "bob" })];
    await ada.signIn(credentials);
    await expect(bob.getToken()).rejects.toMatchObject({ code: "no_session" });
    expect(await bob.accounts()).toEqual(["ada"]);
    await end(ada);
    await end(ada);
    await bob.signIn(credentials);
    expect(readdirSync(folder)).toContain("sessions.db-wal");
    await end(bob);
    // SQLite clears up when the last handle is closed.
    expect(readdirSync(folder)).not.toContain("sessions.db-wal");
  });
});

describe("the soft time", () => {
  const soft = (passed: () => number) => clockAhead(passed);

  it("makes one call stay until the refresh is stored, and nothing begins without a call [P1 P5 F8]", async () => {
    let passed = 0;
    const vault = open({ clock: soft(() => passed), maxStaleness: DAY });
    await vault.signIn(credentials);
    passed = 3600_000 * 0.85;
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const arrived = new Promise<void>((resolve) => {
      api.answer = ({ path: at }, response) => {
        if (at !== "/refresh") return false;
        resolve();
        void held.then(() =>
          response.end(JSON.stringify({ token: "token-2", refresh: "r-2", expires_in: 3600 })),
        );
        return true;
      };
    });
    let isOver = false;
    const call = vault.fetch(`${api.url}/things`).then((response) => {
      isOver = true;
      return response.status;
    });
    await arrived;
    // The call has its own answer long since.
    await vi.waitFor(() => expect(paths()).toContain("/things"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isOver).toBe(false);
    release();
    expect(await call).toBe(200);
    expect(vault.snapshot()).toMatchObject({ generation: 2, persisted: true });
    expect(paths().filter((one) => one === "/refresh")).toHaveLength(1);
  });

  /** A refresh that is answered when its caller says so. */
  function heldRefresh(): { readonly begun: Promise<void>; release(): void } {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const begun = new Promise<void>((resolve) => {
      api.answer = ({ path: at, authorization }, response) => {
        if (at === "/things" && authorization === "Bearer ended") {
          response.writeHead(401).end();
          return true;
        }
        if (at !== "/refresh") return false;
        resolve();
        void held.then(() =>
          response.end(JSON.stringify({ token: "token-2", refresh: "r-2", expires_in: 3600 })),
        );
        return true;
      };
    });
    return { begun, release };
  }

  /** The status of a call that stays until a refresh is stored: it is under way still when that has begun. */
  async function stayed(
    call: Promise<Response>,
    { begun, release }: ReturnType<typeof heldRefresh>,
  ): Promise<number> {
    let isOver = false;
    const status = call.then((response) => {
      isOver = true;
      return response.status;
    });
    await begun;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isOver).toBe(false);
    release();
    return status;
  }

  it("that comes while a request is under way: its call stays, too [P1 P2 F39]", async () => {
    let passed = 0;
    const vault = open({ clock: soft(() => passed), maxStaleness: DAY });
    await vault.signIn(credentials);
    const refresh = heldRefresh();
    const call = vault.fetch(`${api.url}/things`);
    passed = 3600_000 * 0.85;
    expect(await stayed(call, refresh)).toBe(200);
    expect(vault.snapshot()).toMatchObject({ generation: 2, persisted: true });
  });

  it("a request that cannot be sent again stays with its 401 until the refresh is stored [P2 P11 F39]", async () => {
    const vault = open({ maxStaleness: DAY });
    const expiresAt = Date.now() + 3600_000;
    await vault.adopt({ accessToken: "ended", refreshToken: "r-1", expiresAt });
    const refresh = heldRefresh();
    const once = { method: "POST", body: new Blob(["once"]).stream(), duplex: "half" } as const;
    const call = vault.fetch(`${api.url}/things`, once as RequestInit);
    expect(await stayed(call, refresh)).toBe(401);
    expect(vault.snapshot()).toMatchObject({ generation: 2, persisted: true });
  });

  it("a 401 of a host that is not listed keeps no call, and reads nothing [S18 F59]", async () => {
    const other = await serve();
    other.answer = (_, response) => {
      response.writeHead(401).end();
      return true;
    };
    const store = memoryStore();
    const vault = open({ maxStaleness: DAY, store });
    await vault.signIn(credentials);
    const reads = vi.spyOn(store, "read");
    expect((await vault.fetch(`${other.url}/things`)).status).toBe(401);
    expect(reads).not.toHaveBeenCalled();
    other.close();
  });

  it("of a token that nothing renews keeps no call, and reads nothing [F59 F92]", async () => {
    let passed = 0;
    const store = memoryStore();
    const vault = open({ clock: soft(() => passed), maxStaleness: DAY, store });
    await vault.adopt({ accessToken: "token-1", expiresAt: Date.now() + 3600_000 });
    passed = 3600_000 * 0.85;
    expect(await vault.getToken()).toBe("token-1");
    const reads = vi.spyOn(store, "read");
    expect(await vault.getToken()).toBe("token-1");
    expect((await vault.fetch(`${api.url}/things`)).status).toBe(200);
    expect(reads).not.toHaveBeenCalled();
  });

  it.each([
    ["alone", {}],
    ["with parts that are undefined", { isHeldOpen: undefined, lock: undefined } as object],
  ])("%s begins nothing: a look without a call leaves the token alone [P5]", async (_, parts) => {
    let passed = 0;
    const first = open();
    await first.signIn(credentials);
    await end(first);
    passed = 3600_000 * 0.85;
    const vault = open({ clock: soft(() => passed), ...parts });
    vault.subscribe(() => {});
    await vi.waitFor(() => expect(vault.snapshot().status).toBe("signed-in"));
    await vault[Symbol.asyncDispose]();
    expect(paths()).not.toContain("/refresh");

    // A server says that it lives on: there the same look refreshes.
    expect(existsSync(path.join(folder, "locks"))).toBe(false);
    const server = open({ clock: soft(() => passed), refreshAhead: true, ...parts });
    await vi.waitFor(() => expect(server.snapshot().generation).toBe(2));
    expect(existsSync(path.join(folder, "locks"))).toBe(true);
  });

  it("an abort ends a call's staying, and not the refresh [P14 F11]", async () => {
    let passed = 0;
    const vault = open({ clock: soft(() => passed), maxStaleness: DAY });
    await vault.signIn(credentials);
    passed = 3600_000 * 0.85;
    const aborter = new AbortController();
    let answer = (): void => {};
    api.answer = ({ path: at }, response) => {
      if (at !== "/refresh") return false;
      answer = () =>
        response.end(JSON.stringify({ token: "token-2", refresh: "r-2", expires_in: 3600 }));
      aborter.abort();
      return true;
    };
    await vault.fetch(`${api.url}/things`, { signal: aborter.signal }).catch(() => {});
    answer();
    await vi.waitFor(() => expect(vault.snapshot().generation).toBe(2));
  });

  it("is stayed for where an init takes the aborted signal of a Request away [P1 P14]", async () => {
    let passed = 0;
    const vault = open({ clock: soft(() => passed), maxStaleness: DAY });
    await vault.signIn(credentials);
    passed = 3600_000 * 0.85;
    const request = new Request(`${api.url}/things`, { signal: AbortSignal.abort() });
    expect((await vault.fetch(request, { signal: null })).status).toBe(200);
    expect(vault.snapshot()).toMatchObject({ generation: 2, persisted: true });
  });

  it("a refresh that fails keeps no call: the token serves on [P17 F36]", async () => {
    let passed = 0;
    const vault = open({ clock: soft(() => passed), maxStaleness: DAY });
    await vault.signIn(credentials);
    passed = 3600_000 * 0.85;
    api.answer = ({ path: at }, response) => {
      if (at !== "/refresh") return false;
      response.writeHead(500).end();
      return true;
    };
    expect((await vault.fetch(`${api.url}/things`)).status).toBe(200);
    expect((await vault.fetch(`${api.url}/things`)).status).toBe(200);
    expect(paths().filter((one) => one === "/refresh")).toHaveLength(1);
  });

  it("a call that memory serves is not held, and touches no database [F92]", async () => {
    const vault = open();
    await vault.signIn(credentials);
    // A session's first successes are noted, each by a call that is not the shortest.
    for (let at = 0; at < 40; at++) await vault.fetch(`${api.url}/things`);
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    const statements = vi.spyOn(DatabaseSync.prototype, "prepare");
    const looks = vi.spyOn(process.getBuiltinModule("node:fs"), "lstatSync");
    for (let at = 0; at < 40; at++)
      expect((await vault.fetch(`${api.url}/things`)).status).toBe(200);
    expect([statements.mock.calls.length, looks.mock.calls.length]).toEqual([0, 0]);
    expect(paths()).not.toContain("/refresh");
  });
});

describe("bad input is told with its remedy, and nobody is signed out", () => {
  const trouble = (message: RegExp) =>
    expect.objectContaining({
      code: "store_unavailable",
      message: expect.stringMatching(message) as string,
    }) as object;

  it.each([
    ["a database that others can read", () => chmodSync(path.join(folder, "sessions.db"), 0o644)],
    ["a key that others can read", () => chmodSync(path.join(folder, "key"), 0o644)],
    ["a folder that others may write to", () => chmodSync(folder, 0o777)],
  ])("%s: after chmod the session is there [P16 S8]", async (_, spoil) => {
    const first = open();
    await first.signIn(credentials);
    await end(first);
    spoil();
    const vault = open();
    await expect(vault.getToken()).rejects.toEqual(trouble(/Run: chmod/));
    expect(vault.snapshot().status).toBe("unavailable");
    chmodSync(folder, 0o700);
    for (const name of ["key", "sessions.db"]) chmodSync(path.join(folder, name), 0o600);
    expect(await vault.getToken()).toBe("token-1");
  });

  it("a key file of the wrong length: restored, the session is there [P16 S20]", async () => {
    const first = open();
    await first.signIn(credentials);
    await end(first);
    const key = path.join(folder, "key");
    const whole = readFileSync(key);
    appendFileSync(key, "\n");
    const vault = open();
    await expect(vault.getToken()).rejects.toEqual(trouble(/Restore it/));
    writeFileSync(key, whole);
    expect(await vault.getToken()).toBe("token-1");
  });

  it("a corrupted database is said to be one [P16]", async () => {
    const first = open();
    await first.signIn(credentials);
    await end(first);
    writeFileSync(path.join(folder, "sessions.db"), "x".repeat(8192));
    await expect(open().getToken()).rejects.toEqual(trouble(/corrupted/));
  });

  it("options that are none throw at once [S17]", () => {
    const invalid = expect.objectContaining({ code: "invalid_option" }) as object;
    expect(() => open({ path: "" })).toThrow(invalid);
    expect(() => open({ path: 7 as never })).toThrow(invalid);
    expect(() => open({ keys: "k1:short" })).toThrow(invalid);
    expect(() => createVault({} as never)).toThrow(invalid);
  });

  it("a runtime without SQLite says what to update, and a store of the application's needs none [P16]", async () => {
    vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined as never);
    expect(() => open()).toThrow(/Update to Node 22\.13/);
    const vault = open({ store: memoryStore() });
    await vault.signIn(credentials);
    expect(await vault.getToken()).toBe("token-1");
  });

  it("Deno is shown its own entry", () => {
    vi.stubGlobal("Deno", {});
    expect(() => open()).toThrow(/tokenkeep\/deno/);
    vi.unstubAllGlobals();
  });
});

describe("a network file system", () => {
  it("is refused where tokens rotate, and taken where they do not [P2]", async () => {
    const fs = process.getBuiltinModule("node:fs");
    vi.spyOn(fs, "statfsSync").mockReturnValue({ type: 0x6969 } as never);
    const provider = providerOf(api);
    expect(provider.renewal?.rotation).toBe("strict");
    await expect(open().getToken()).rejects.toMatchObject({
      code: "store_unavailable",
      message: /NFS.*local disk/,
    });
    const kept = open({ provider: { ...provider, renewal: { rotation: "none" } } });
    await kept.signIn(credentials);
    expect(kept.snapshot().persisted).toBe(true);
  });
});
