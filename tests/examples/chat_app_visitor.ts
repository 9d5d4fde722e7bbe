/** Somebody who uses the chat's page in a browser. */

import type { Chat } from "../../examples/chat_app/chat_server.ts";
import type { Browser } from "../browser/browser.ts";
import type { Page, View } from "../browser/page.ts";
import { portOf } from "../support/servers.ts";

/** A message as it is shown. */
export interface Shown {
  readonly name: string;
  readonly text: string;
  readonly own: boolean;
}

/** How long a page may take on a busy machine, in milliseconds. */
export const LIMIT: number = 30_000;
const MESSAGES = `Array.from(document.querySelectorAll("#said .message"),
  (item) => ({
    name: item.querySelector(".name").textContent,
    text: item.querySelector(".text").textContent,
    own: item.classList.contains("own"),
  }))`;
const PEOPLE = `Array.from(document.querySelectorAll("#names bdi"),
  (name) => name.textContent)`;

/** A page of the chat, and what is done with it. */
export class Visitor {
  /** The page. */
  readonly page: Page;
  readonly #url: string;

  private constructor(page: Page, url: string) {
    this.page = page;
    this.#url = url;
  }

  /** Opens the page; each visitor's storage is their own. */
  static async open(
    browser: Browser,
    server: Chat,
    view: View = { width: 1_000, height: 700 },
  ): Promise<Visitor> {
    const page = await browser.newPage({ isolated: true });
    const visitor = new Visitor(
      page,
      `http://127.0.0.1:${portOf(server)}/#tea`,
    );
    await page.view(view);
    await page.navigate(visitor.#url);
    return visitor;
  }

  /** Opens the page, and comes in by the keyboard. */
  static async join(
    browser: Browser,
    server: Chat,
    name: string,
    view?: View,
  ): Promise<Visitor> {
    const visitor = await Visitor.open(browser, server, view);
    await visitor.enter(name);
    await visitor.connected();
    return visitor;
  }

  /** Types the name at the door. */
  async enter(name: string): Promise<void> {
    await this.page.waitFor(`document.activeElement.id === "name"`);
    await this.page.type(name);
    await this.page.press("Enter");
  }

  /** Waits for the connection. */
  async connected(): Promise<void> {
    await this.page.waitFor(
      `document.getElementById("state").textContent === "Connected"`,
      LIMIT,
    );
  }

  /** Types a message and sends it. */
  async say(text: string): Promise<void> {
    await this.page.waitFor(`document.activeElement.id === "text"`);
    await this.page.type(text);
    await this.page.press("Enter");
  }

  /** Waits until a text has been said, and is shown. */
  async sees(text: string): Promise<void> {
    await this.page.waitFor(
      `Array.from(document.querySelectorAll("#said .text"))
        .some((item) => item.textContent === ${JSON.stringify(text)})`,
      LIMIT,
    );
  }

  /** Waits until exactly these people are listed. */
  async seesPeople(...names: string[]): Promise<void> {
    const expected = JSON.stringify(names);
    await this.page.waitFor(
      `JSON.stringify(${PEOPLE}) === ${JSON.stringify(expected)}`,
      LIMIT,
    );
  }

  /** The messages that are shown. */
  messages(): Promise<Shown[]> {
    return this.page.evaluate(MESSAGES);
  }

  /** Reloads the page, and waits for the new one. */
  async reload(): Promise<void> {
    await this.page.evaluate("void (globalThis.isOld = true)");
    await this.page.call("Page.reload");
    await this.page.waitFor(
      `!globalThis.isOld && document.readyState === "complete"`,
    );
  }
}
