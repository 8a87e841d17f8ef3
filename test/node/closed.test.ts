/** A vault over a folder that was closed, and is asked all the same. */
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { createVault } from "../../src/node.ts";
import { acme, fakeApi } from "../support/fake-api.ts";
import { rejection } from "../support/vault.ts";
import { freshFolder } from "./folder-family.ts";

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** The files of a folder that this process has open. */
function openIn(folder: string): string[] {
  const files = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
  return files.filter((file) => file.startsWith(folder));
}

it.runIf(existsSync("/proc/self/fd"))(
  "opens nothing that nobody would close, while another vault goes on [P21 F22]",
  async () => {
    const path = freshFolder();
    const make = (account: string) => {
      const vault = createVault({ path, account, provider: acme(), fetch: fakeApi().fetch });
      open.push(vault);
      return vault;
    };
    const vault = make("ada");
    await vault.adopt({ accessToken: "token" });
    expect(openIn(path)).not.toEqual([]);
    await vault[Symbol.asyncDispose]();
    expect(openIn(path)).toEqual([]);
    expect(await rejection(vault.accounts())).toMatchObject({ code: "closed" });
    expect(await rejection(vault.signOut())).toMatchObject({ code: "closed" });
    expect(openIn(path)).toEqual([]);
    const next = make("ada");
    expect(await next.getToken()).toBe("token");
    expect(await rejection(vault.accounts())).toMatchObject({ code: "closed" });
  },
);
