/**
 * Headless Chromium for tests, driven by our own client:
 *
 *     test("the page greets", async () => {
 *       await using browser = await Browser.launch();
 *       const page = await browser.newPage();
 *       await page.navigate(`http://127.0.0.1:${port}/`);
 *       await page.waitFor(`document.querySelector("h1")?.textContent`);
 *       writeFileSync("page.png", await page.screenshot());
 *     }, { lacks: lacksBrowser, timeout: 30_000 });
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";

import type { DialerOptions } from "../../src/dialer.ts";
import { findProgram } from "../fixtures/find_program.ts";
import { withTimeout } from "../helper.ts";
import { DevTools } from "./devtools.ts";
import { Page } from "./page.ts";

const PROGRAM = ["chromium", "google-chrome"].map(findProgram)
  .find((path) => path !== undefined);

/** The `lacks` of tests that need the browser. */
export const lacksBrowser: string | undefined = PROGRAM === undefined
  ? "chromium, which is not installed"
  : undefined;

const FLAGS: readonly string[] = [
  "--headless",
  // Root, and many a container, may not have one; the pages are our own.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  // Nothing that speaks to the world by itself.
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-quic",
  "--no-first-run",
  "--no-proxy-server",
  // Pages in the background run like the one in front.
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
  "--remote-debugging-port=0",
];

/** Of a browser under load; it takes less than a second as a rule. */
const START_LIMIT = 20_000;
const END_LIMIT = 5_000;

/** A running browser with a profile of its own; ended with the test. */
export class Browser implements AsyncDisposable {
  readonly #program: Program;
  readonly #devTools: DevTools;

  private constructor(program: Program, devTools: DevTools) {
    this.#program = program;
    this.#devTools = devTools;
  }

  /** Starts the browser; the options are those of our client. */
  static async launch(options: DialerOptions = {}): Promise<Browser> {
    const program = new Program();
    try {
      const url = await withTimeout(program.url, START_LIMIT, "the browser");
      return new Browser(program, await DevTools.connect(url, options));
    } catch (error) {
      await program[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The browser's name and version, such as `Chrome/131.0.6778.85`. */
  async version(): Promise<string> {
    return (await this.#devTools.call("Browser.getVersion")).product;
  }

  /**
   * Opens a page, blank. Pages share cookies and storage, but for one that is
   * `isolated`, like another user's.
   */
  async newPage(options: { isolated?: boolean } = {}): Promise<Page> {
    const context = options.isolated
      ? await this.#devTools.call("Target.createBrowserContext")
      : {};
    const { targetId } = await this.#devTools.call("Target.createTarget", {
      url: "about:blank",
      ...context,
    });
    return await Page.attach(this.#devTools, targetId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The answer may be lost in the end.
    this.#devTools.call("Browser.close").catch(() => {});
    await this.#program[Symbol.asyncDispose]();
    await this.#devTools[Symbol.asyncDispose]();
  }
}

/**
 * Runs a program in a process group of its own, which it ends at the end of its
 * input: as soon as the test is over, however that ends.
 */
const KEEPER = `
exec 3<&0
"$@" 3<&- &
browser=$!
exec 2>/dev/null
{ cat <&3; kill -9 0; } &
wait $browser`;

/** The browser's processes and their folder. */
class Program implements AsyncDisposable {
  /** Where it listens. */
  readonly url: Promise<string>;
  readonly #folder: string = mkdtempSync(`${tmpdir()}/browser-`);
  readonly #keeper: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #closed: Promise<void>;

  constructor() {
    const url = Promise.withResolvers<string>();
    const exited = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    this.url = url.promise;
    this.#exited = exited.promise;
    this.#closed = closed.promise;
    this.#keeper = spawn(
      "sh",
      [
        "-c",
        KEEPER,
        "sh",
        PROGRAM!,
        ...FLAGS,
        `--user-data-dir=${this.#folder}`,
      ],
      {
        env: { ...process.env, HOME: this.#folder },
        stdio: ["pipe", "ignore", "pipe"],
        detached: true,
      },
    );
    let log = "";
    this.#keeper.stderr!.on("data", (data) => {
      log += data;
      const told = /DevTools listening on (ws:\S+)\s/.exec(log)?.[1];
      if (told !== undefined) url.resolve(told);
    });
    this.#keeper.on("exit", () => {
      url.reject(new Error(`The browser has ended: ${log}`));
      exited.resolve();
    });
    this.#keeper.on("close", () => closed.resolve());
    this.url.catch(() => {});
  }

  /** Waits for its end, which it has been asked for, and sees to it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await withTimeout(this.#exited, END_LIMIT, "its end").catch(() => {});
    this.#keeper.stdin!.end();
    await this.#closed;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
