/** A page of the browser, as tests use one. */

import { withTimeout } from "../support/helper.ts";
import type { DevTools, Params } from "./devtools.ts";

/** Whatever an expression in the page yields. */
// deno-lint-ignore no-explicit-any -- as of JSON.parse()
type Value = any;

/** What {@linkcode Page.network} sets. */
export interface NetworkConditions {
  /** No network at all. Default false. */
  readonly offline?: boolean;
  /** Milliseconds from a request to its answer. Default 0. */
  readonly latency?: number;
  /** Bytes a second to the page. Default unlimited. */
  readonly download?: number;
  /** Bytes a second from the page. Default unlimited. */
  readonly upload?: number;
}

/** What {@linkcode Page.view} sets. */
export interface View {
  /** CSS pixels. */
  readonly width: number;
  /** CSS pixels. */
  readonly height: number;
  /** Device pixels for a CSS pixel. Default 1. */
  readonly scale?: number;
  /** A phone: touch, and the viewport that the page declares. Default false. */
  readonly mobile?: boolean;
  /** What the user prefers. Default light. */
  readonly colors?: "light" | "dark";
}

const WAIT_LIMIT = 30_000;
/** What a change that shows in no node comes with. */
const EVENTS = [
  "input",
  "change",
  "focusin",
  "focusout",
  "scroll",
  "resize",
  "popstate",
  "hashchange",
  "load",
  "online",
  "offline",
  "visibilitychange",
  "transitionend",
];

/** One page; ended by {@linkcode Page.close} or with the browser. */
export class Page {
  /** Uncaught errors of the page, and what it logs as errors. */
  readonly errors: string[] = [];
  readonly #devTools: DevTools;
  readonly #targetId: string;
  readonly #sessionId: string;
  /** The documents that have been loaded. */
  readonly #loaded: Set<string> = new Set();

  private constructor(devTools: DevTools, targetId: string, sessionId: string) {
    this.#devTools = devTools;
    this.#targetId = targetId;
    this.#sessionId = sessionId;
    devTools.on("Page.lifecycleEvent", ({ name, loaderId }) => {
      if (name === "load") this.#loaded.add(loaderId);
    }, sessionId);
    devTools.on("Runtime.exceptionThrown", ({ exceptionDetails }) => {
      this.errors.push(describe(exceptionDetails));
    }, sessionId);
    devTools.on("Runtime.consoleAPICalled", ({ type, args }) => {
      if (type !== "error") return;
      this.errors.push(
        args.map((arg: Params) => arg.value ?? arg.description).join(" "),
      );
    }, sessionId);
    devTools.on("Log.entryAdded", ({ entry: { level, text, url } }) => {
      if (level === "error") this.errors.push(`${text} ${url ?? ""}`.trim());
    }, sessionId);
  }

  /** The page of a target. */
  static async attach(devTools: DevTools, targetId: string): Promise<Page> {
    const { sessionId } = await devTools.call("Target.attachToTarget", {
      targetId,
      flatten: true,
    });
    const page = new Page(devTools, targetId, sessionId);
    await Promise.all([
      page.call("Page.enable"),
      page.call("Page.setLifecycleEventsEnabled", { enabled: true }),
      page.call("Runtime.enable"),
      page.call("Log.enable"),
      page.call("Network.enable"),
    ]);
    return page;
  }

  /** Sends a command of the DevTools protocol to the page. */
  call(method: string, params: Params = {}): Promise<Params> {
    return this.#devTools.call(method, params, this.#sessionId);
  }

  /**
   * Goes to a URL and waits for the page's `load` event.
   *
   * @throws {Error} If there is no page to be had.
   */
  async navigate(url: string): Promise<void> {
    const { errorText, loaderId } = await this.call("Page.navigate", { url });
    if (errorText) throw new Error(`Cannot go to ${url}: ${errorText}`);
    // There is no loader where the URL differs by its fragment alone.
    if (loaderId === undefined || this.#loaded.has(loaderId)) return;
    await withTimeout(
      this.#devTools.next(
        "Page.lifecycleEvent",
        this.#sessionId,
        (event) => event.name === "load" && event.loaderId === loaderId,
      ),
      WAIT_LIMIT,
      `the load of ${url}`,
    );
  }

  /**
   * The value of an expression in the page, which must be one that JSON can
   * bear; a promise is waited for.
   *
   * @throws {Error} If the expression throws or the promise rejects.
   */
  async evaluate(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
      userGesture: true,
    });
    if (exceptionDetails === undefined) return result.value;
    throw new Error(`The page threw: ${describe(exceptionDetails)}`);
  }

  /**
   * Waits until an expression is truthy, and returns its value. It is looked at
   * again after each change of the document, and after an event such as input,
   * focus, scroll, load and online; an expression that throws is falsy.
   */
  async waitFor(
    expression: string,
    timeout: number = WAIT_LIMIT,
  ): Promise<Value> {
    const watching = `new Promise((resolve) => {
      const observer = new MutationObserver(look);
      const end = new AbortController();
      async function look() {
        let value;
        try { value = await (${expression}); } catch {}
        if (!value) return;
        observer.disconnect();
        end.abort();
        resolve(value);
      }
      observer.observe(document, {
        subtree: true, childList: true, attributes: true, characterData: true,
      });
      for (const event of ${JSON.stringify(EVENTS)}) {
        addEventListener(event, look, { capture: true, signal: end.signal });
      }
      look();
    })`;
    return await withTimeout(
      this.#outlivingDocuments(watching),
      timeout,
      `${expression} in the page`,
    );
  }

  /** Evaluates anew where the page goes elsewhere meanwhile. */
  async #outlivingDocuments(expression: string): Promise<unknown> {
    for (;;) {
      try {
        return await this.evaluate(expression);
      } catch (error) {
        const moved = /navigated|context was destroyed|Cannot find context/;
        if (!moved.test(String(error))) throw error;
      }
    }
  }

  /** Clicks the middle of the first element that fits the selector. */
  async click(selector: string): Promise<void> {
    const { x, y } = await this.waitFor(`(() => {
      const element = document.querySelector(${JSON.stringify(selector)});
      element.scrollIntoView({ block: "nearest", behavior: "instant" });
      const { left, top, width, height } = element.getBoundingClientRect();
      return width && { x: left + width / 2, y: top + height / 2 };
    })()`);
    const mouse = { x, y, button: "left", clickCount: 1 };
    for (const type of ["mousePressed", "mouseReleased"]) {
      await this.call("Input.dispatchMouseEvent", { ...mouse, type });
    }
  }

  /** Types a text where the focus is, as an input method does. */
  async type(text: string): Promise<void> {
    await this.call("Input.insertText", { text });
  }

  /** Presses and releases a key by its name, such as `Enter` and `Tab`. */
  async press(key: string): Promise<void> {
    const codes: Record<string, number> = {
      Backspace: 8,
      Tab: 9,
      Enter: 13,
      Escape: 27,
      ArrowUp: 38,
      ArrowDown: 40,
    };
    const event = { key, code: key, windowsVirtualKeyCode: codes[key] };
    const text = key === "Enter" ? { text: "\r" } : {};
    await this.call("Input.dispatchKeyEvent", {
      type: "keyDown",
      ...event,
      ...text,
    });
    await this.call("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  /** A picture of what is in view, or of the whole page, as a PNG file. */
  async screenshot(
    options: { full?: boolean } = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { data } = await this.call("Page.captureScreenshot", {
      format: "png",
      captureBeyondViewport: options.full ?? false,
    });
    return Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
  }

  /** Sets the size of the window, and what kind of device it is. */
  async view(view: View): Promise<void> {
    const { width, height, scale = 1, mobile = false, colors = "light" } = view;
    await this.call("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: scale,
      mobile,
    });
    await this.call("Emulation.setTouchEmulationEnabled", { enabled: mobile });
    await this.call("Emulation.setEmulatedMedia", {
      features: [{ name: "prefers-color-scheme", value: colors }],
    });
  }

  /**
   * Sets how good the page's network is; by no argument, as it was. Offline, a
   * WebSocket stays open and goes on when the network is back; a new one fails.
   */
  async network(conditions: NetworkConditions = {}): Promise<void> {
    const { offline = false, latency = 0, download = -1, upload = -1 } =
      conditions;
    await this.call("Network.emulateNetworkConditions", {
      offline,
      latency,
      downloadThroughput: download,
      uploadThroughput: upload,
    });
  }

  /** Closes the page, as its user does. */
  async close(): Promise<void> {
    const gone = this.#devTools.next(
      "Target.detachedFromTarget",
      undefined,
      ({ sessionId }) => sessionId === this.#sessionId,
    );
    await this.#devTools.call("Target.closeTarget", {
      targetId: this.#targetId,
    });
    await gone;
  }
}

/** An error with its stack, or whatever else was thrown. */
function describe({ text, exception }: Params): string {
  return String(exception?.description ?? exception?.value ?? text);
}
