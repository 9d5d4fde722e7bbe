/** How the chat's page looks: on desktops and phones, by day and by night. */

import { assert, assertEquals } from "@std/assert";

import { Browser, lacksBrowser } from "../browser/browser.ts";
import type { View } from "../browser/page.ts";
import { test } from "../support/helper.ts";
import { FAST, Person, startChat } from "./chat_app_person.ts";
import { Visitor } from "./chat_app_visitor.ts";

const VIEWS: readonly View[] = [
  { width: 1280, height: 800 },
  { width: 360, height: 640, mobile: true },
].flatMap((view) => [
  { ...view, colors: "light" as const },
  { ...view, colors: "dark" as const },
]).concat([
  { width: 390, height: 844, mobile: true, colors: "light" },
  { width: 320, height: 568, mobile: true, colors: "light" },
]);

/**
 * In the page: the contrast (WCAG 2.2, section 1.4.3) of every text that is in
 * sight, below 4.5, with what it is.
 */
const FAINT = `(() => {
  const context = document.createElement("canvas")
    .getContext("2d", { willReadFrequently: true });
  function luminance(element) {
    const layers = [];
    for (let e = element; e !== null; e = e.parentElement) {
      layers.push(getComputedStyle(e).backgroundColor);
    }
    function paint(colors) {
      context.fillStyle = "white";
      context.fillRect(0, 0, 1, 1);
      for (const color of colors) {
        context.fillStyle = color;
        context.fillRect(0, 0, 1, 1);
      }
      const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data]
        .map((byte) => byte / 255)
        .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    }
    layers.reverse();
    const behind = paint(layers);
    const before = paint([...layers, getComputedStyle(element).color]);
    return Math.max(behind, before) / Math.min(behind, before);
  }
  return Array.from(document.querySelectorAll("body *"))
    .filter((element) => element.checkVisibility() && !element.disabled &&
      [...element.childNodes].some((node) =>
        node.nodeType === Node.TEXT_NODE && node.data.trim() !== ""))
    .map((element) => [luminance(element), element.outerHTML.slice(0, 80)])
    .filter(([contrast]) => !(contrast >= 4.5));
})()`;

/** In the page: what reaches out of the window, or is too small to be touched. */
const MISPLACED = `[
  document.documentElement.scrollWidth > innerWidth && "the page is too wide",
  ...Array.from(document.querySelectorAll("button, input, textarea"),
    (element) => {
      if (!element.checkVisibility()) return false;
      const { left, top, right, bottom } = element.getBoundingClientRect();
      const fits = left >= 0 && top >= 0 && right <= innerWidth &&
        bottom <= innerHeight && right - left >= 32 && bottom - top >= 32;
      return !fits && element.outerHTML.slice(0, 80);
    }),
].filter(Boolean)`;

/** In the page: what of the header is cut off, broken, or over something else. */
const CROWDED = `(() => {
  const header = document.querySelector("#chat > header");
  if (!header.checkVisibility()) return [];
  const boxes = Array.from(header.children).filter((e) => e.checkVisibility())
    .map((element) => {
      const range = document.createRange();
      range.selectNodeContents(element);
      const lines = new Set(Array.from(range.getClientRects(), (r) => r.top));
      const box = element.getBoundingClientRect();
      const { top, bottom, left, right } = range.getBoundingClientRect();
      return {
        element, top, bottom, lines: lines.size,
        left: Math.min(left, box.left), right: Math.max(right, box.right),
      };
    });
  return boxes.filter((box) =>
    box.element.scrollWidth > box.element.clientWidth || box.lines > 1 ||
    boxes.some((other) => other !== box && other.left < box.right &&
      box.left < other.right && other.top < box.bottom &&
      box.top < other.bottom)
  ).map(({ element }) => element.outerHTML.slice(0, 80));
})()`;

/** In the page: the fields and buttons without a name for who cannot see them. */
const NAMELESS =
  `Array.from(document.querySelectorAll("button, input, textarea"))
  .filter((element) => element.checkVisibility() &&
    !element.labels?.length && !element.ariaLabel && !element.innerText)
  .map((element) => element.outerHTML.slice(0, 80))`;

test("chat_app's page is fit to be read and touched everywhere", async () => {
  await using server = await startChat({ limits: FAST });
  await using browser = await Browser.launch();
  const visitor = await Visitor.open(browser, server);
  const { page } = visitor;
  const grounds: string[] = [];
  const look = async (state: string) => {
    for (const view of VIEWS) {
      await page.view(view);
      const where = `${state}, ${JSON.stringify(view)}`;
      assertEquals(await page.evaluate(FAINT), [], where);
      assertEquals(await page.evaluate(MISPLACED), [], where);
      assertEquals(await page.evaluate(NAMELESS), [], where);
      assertEquals(await page.evaluate(CROWDED), [], where);
      grounds.push(
        await page.evaluate("getComputedStyle(document.body).color"),
      );
    }
  };
  await look("at the door");
  const [light, dark] = grounds;
  assert(light !== dark);

  const names = ["Bo", "Chiara della Montagna-Verde", "عمر", "健二", "x🐺"];
  const people: Person[] = [];
  for (const name of names) {
    people.push((await Person.join(server, name)).person);
  }
  await page.view(VIEWS[0]!);
  await visitor.enter("Ann");
  await visitor.connected();
  await look("just entered");
  await page.view(VIEWS[0]!);
  await page.type("My own.\nIn two");
  await visitor.reload();
  await visitor.connected();
  // The field is as high as the draft.
  await page.waitFor(`text.scrollHeight <= text.clientHeight`);
  await visitor.say(" lines.");
  assertEquals(await page.evaluate("text.enterKeyHint"), "send");
  const texts = [
    "short",
    "long words ".repeat(60),
    "w".repeat(500),
    "a\n\n  b",
  ];
  for (const [i, person] of people.entries()) {
    for (const text of texts) {
      const own = `${i} ${text}`;
      person.say(`message-${i}-${text.length}`, own);
      await visitor.sees(own.trim());
    }
  }
  await look("with messages");

  // Who has scrolled up stays there, and is told of what is new.
  await page.evaluate(`document.getElementById("scroller").scrollTop = 0`);
  await page.waitFor(`!document.getElementById("jump").hidden`);
  people[0]!.say("message-new-1", "One more.");
  await visitor.sees("One more.");
  await page.waitFor(`document.title === "(1) tea"`);
  assertEquals(
    await page.evaluate(`[
      document.getElementById("scroller").scrollTop,
      document.getElementById("jump").textContent,
      document.querySelector(".mark.new").nextElementSibling
        .querySelector(".text").textContent,
    ]`),
    [0, "↓ 1 new", "One more."],
  );
  await look("scrolled up");
  await page.click("#jump");
  await page.waitFor(`document.title === "tea · Chat"`);

  // On a phone the people are behind a button, and Enter is for a new line.
  await page.view(VIEWS[2]!);
  assertEquals(await page.evaluate("text.enterKeyHint"), "enter");
  const people_ = `document.getElementById("people").checkVisibility()`;
  assertEquals(await page.evaluate(people_), false);
  await page.click("#show-people");
  await page.waitFor(people_);
  await look("with the people");
  await page.press("Escape");
  await page.waitFor(`!${people_}`);
  assertEquals(
    await page.evaluate("document.activeElement.id"),
    "show-people",
  );

  await server.shutdown();
  await page.waitFor(`!document.getElementById("banner").hidden`);
  await page.click("#text");
  await page.type("long ".repeat(390));
  await page.waitFor(`document.getElementById("left").textContent`);
  await look("without a connection");
  for (const person of people) await person.end();
}, { lacks: lacksBrowser, timeout: 60_000 });
