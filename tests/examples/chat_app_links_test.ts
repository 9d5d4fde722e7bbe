/** What the chat's page makes a link of. */

import { assertEquals } from "@std/assert";

import { splitLinks } from "../../examples/chat_app/page/links.js";
import { test } from "../support/helper.ts";

/** Texts, with what is to be a link in brackets: `see ⟦http://a/⟧.` */
const TEXTS = [
  "",
  "no link, not even example.com or www.example.com",
  "⟦http://a.example⟧",
  "⟦HTTPS://A.example/⟧ and ⟦http://b.example/?c=d&e=f#g⟧",
  "see ⟦https://a.example/b⟧.",
  "is it ⟦https://a.example/b?c⟧?! …or ⟦https://a.example⟧...",
  "(⟦https://a.example/b⟧)",
  "(see ⟦https://en.wikipedia.org/wiki/Go_(game)⟧).",
  "[⟦http://[::1]:8080/⟧]",
  "**⟦http://a.example/⟧**",
  '"⟦http://a.example/b⟧", «⟦http://a.example/ü⟧»',
  "<⟦http://a.example/⟧><b onclick=x>",
  "line\n⟦http://a.example/⟧\nline",
  "x⟦http://a.example/⟧".replace("x", "é "),
  "xhttp://a.example/ and ftp://a.example/",
  "javascript:alert(1) JavaScript://a.example/%0aalert(1)",
  "data:text/html,<script>alert(1)</script> vbscript:x file:///etc/passwd",
  "⟦http://a.example/javascript:alert(1)⟧",
  "http:// https://. http://: http://[ http://a.example:99999/",
  "http://bank.example@evil.example/ https://a:b@evil.example",
  // Marks that turn the direction of what is shown.
  "⟦http://a.example/⟧\u202egro.live",
];

test("splitLinks() finds the addresses of the web, and nothing else", () => {
  for (const marked of TEXTS) {
    const expected = marked.split(/(⟦.*?⟧)/).filter((piece) => piece !== "")
      .map((piece) => {
        const text = piece.replace(/[⟦⟧]/g, "");
        return text === piece ? { text } : { text, href: new URL(text).href };
      });
    assertEquals(splitLinks(marked.replace(/[⟦⟧]/g, "")), expected);
  }
});

test("splitLinks() takes time in proportion to its text", () => {
  // At two million brackets, anything else takes minutes.
  const text = `http://a.example/${"()".repeat(500_000)}${
    ")".repeat(1_000_000)
  }`;
  assertEquals(splitLinks(text).length, 2);
});
