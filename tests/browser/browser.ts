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

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";

import type { DialerOptions } from "../../src/client/dialer.ts";
import { Program } from "../support/child.ts";
import { findProgram } from "../support/find_program.ts";
import { withTimeout } from "../support/helper.ts";
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

const END_LIMIT = 5_000;

/** A running browser with a profile of its own; ended with the test. */
export class Browser implements AsyncDisposable {
  readonly #program: BrowserProgram;
  readonly #devTools: DevTools;

  private constructor(program: BrowserProgram, devTools: DevTools) {
    this.#program = program;
    this.#devTools = devTools;
  }

  /** Starts the browser; the options are those of our client. */
  static async launch(options: DialerOptions = {}): Promise<Browser> {
    const program = new BrowserProgram();
    try {
      const [, url = ""] = await program.untilComplained(
        /DevTools listening on (ws:\S+)\s/,
      );
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
class BrowserProgram extends Program {
  readonly #folder: string;

  constructor(folder: string = mkdtempSync(`${tmpdir()}/browser-`)) {
    const browser = [PROGRAM!, ...FLAGS, `--user-data-dir=${folder}`];
    super(["sh", "-c", KEEPER, "sh", ...browser], {
      env: { HOME: folder },
      stdout: "ignore",
      detached: true,
    });
    this.#folder = folder;
  }

  /** Waits for its end, which it has been asked for, and sees to it. */
  override async [Symbol.asyncDispose](): Promise<void> {
    await withTimeout(this.exited, END_LIMIT, "its end").catch(() => {});
    await this.end();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
