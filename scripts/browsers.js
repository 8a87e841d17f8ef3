/**
 * The three browsers that the tests run in. On Debian they are its own packages: Chromium, Firefox
 * ESR and WebKitGTK; elsewhere Playwright's builds. Chromium comes twice, as it does from Playwright:
 * its headless shell starts in a third of the time, the whole one takes extensions. `findBrowsers` only looks, `ensureBrowsers`
 * installs what is missing.
 */

import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fail, run, seconds } from "./run.js";

const packages = [
  "chromium",
  "chromium-headless-shell",
  "firefox-esr",
  "webkit2gtk-driver",
  "xvfb",
  "xauth",
];

/**
 * @typedef {object} DebianBrowsers
 * @property {string} chromium path of the headless shell's executable
 * @property {string} wholeChromium path of the executable that takes extensions
 * @property {string} firefox path of the executable
 * @property {string} webkit path of MiniBrowser, WebKitGTK's test browser
 * @property {string} webkitDriver path of WebKitWebDriver
 */

/**
 * Debian's browsers, or `undefined` if this is no Debian or lacks one of them; then the tests use
 * Playwright's.
 *
 * @returns {DebianBrowsers | undefined}
 */
export function findBrowsers() {
  if (!isDebian()) return undefined;
  const chromium = inPath("chromium-headless-shell");
  const wholeChromium = inPath("chromium");
  const firefox = inPath("firefox-esr");
  const webkit = miniBrowser();
  const webkitDriver = inPath("WebKitWebDriver");
  const screen = inPath("xvfb-run") && inPath("xauth");
  if (!chromium || !wholeChromium || !firefox || !webkit || !webkitDriver || !screen)
    return undefined;
  return { chromium, wholeChromium, firefox, webkit, webkitDriver };
}

/**
 * Installs what is missing, and answers with a line that says which browsers the tests will use.
 * Ends the process, saying what to do, where it cannot.
 *
 * @returns {Promise<string>}
 */
export async function ensureBrowsers() {
  const debians = "Debian's Chromium, Firefox ESR and WebKitGTK";
  const playwrights = "Playwright's Chromium, Firefox and WebKit";
  if (findBrowsers()) return debians;
  const root = process.getuid?.() === 0;
  if (isDebian() && root) {
    const complaint = await installDebians();
    if (findBrowsers()) return debians;
    fail(
      ...complaint.split("\n").slice(-20),
      "Could not install the browsers that the tests run in. Install them, then try again:",
      `  apt-get update && apt-get install -y --no-install-recommends ${packages.join(" ")}`,
      "`npm run test:quick` needs no browser.",
    );
  }
  if (await hasPlaywrights()) return playwrights;
  console.log("Installing Playwright's Chromium, Firefox and WebKit");
  await run("playwright", ["install", "chromium", "firefox", "webkit"]);
  if (await hasPlaywrights()) return playwrights;
  return fail(
    "Could not install the browsers that the tests run in. Install them, then try again:",
    "  npx playwright install --with-deps chromium firefox webkit",
    "or, on Debian, as root:",
    `  apt-get update && apt-get install -y --no-install-recommends ${packages.join(" ")}`,
    "`npm run test:quick` needs no browser.",
  );
}

function isDebian() {
  try {
    return /^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"));
  } catch {
    return false;
  }
}

/** @param {string} name */
function inPath(name) {
  const folders = (process.env["PATH"] ?? "").split(path.delimiter).filter(Boolean);
  const files = [...folders, "/usr/bin"].map((folder) => path.join(folder, name));
  return files.find((file) => existsSync(file));
}

/** It stands in a folder named after the machine's architecture and WebKit's API version. */
function miniBrowser() {
  const builds = ["webkit2gtk-4.1", "webkit2gtk-4.0", "webkitgtk-6.0"];
  const folders = readdirSync("/usr/lib").flatMap((triplet) =>
    builds.map((build) => path.join("/usr/lib", triplet, build, "MiniBrowser")),
  );
  return folders.find((file) => existsSync(file));
}

/** @returns {Promise<string>} what apt-get said, if it failed */
async function installDebians() {
  const started = performance.now();
  console.log(`Installing ${packages.join(", ")} (about a minute)`);
  const lock = ["-o", "DPkg::Lock::Timeout=120"];
  const update = await aptGet(["update", ...lock], started);
  // Even if that failed: an old list may do.
  const args = ["install", "-y", "--no-install-recommends", ...lock, ...packages];
  const install = await aptGet(args, started);
  return install && `${update}\n${install}`.trim();
}

/**
 * Hundreds of lines are no progress: shows the latest one every five seconds.
 *
 * @param {string[]} args
 * @param {number} started
 * @returns {Promise<string>} what it said, if it failed
 */
function aptGet(args, started) {
  return new Promise((resolve) => {
    const child = spawn("apt-get", ["-q", "-o", "Dpkg::Use-Pty=0", ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    const ticking = setInterval(() => {
      const latest = output.trimEnd().split("\n").at(-1) ?? "";
      // No addresses: they say nothing that a reader needs.
      console.log(`  ${seconds(started)}  ${latest.replace(/https?:\S+ /, "")}`);
    }, 5000);
    const end = (/** @type {string} */ complaint) => {
      clearInterval(ticking);
      resolve(complaint);
    };
    child.on("error", (error) => end(`${output}${error.message}`));
    child.on("close", (code) => end(code === 0 ? "" : output.trimEnd()));
  });
}

async function hasPlaywrights() {
  const { chromium, firefox, webkit } = await import("playwright");
  return [chromium, firefox, webkit].every((browser) => existsSync(browser.executablePath()));
}
