/** The pages for people, and what stands in them. */

import { listFiles } from "../architecture/files.ts";

/** The folders that may hold pages, beside the README at the top. */
const FOLDERS: readonly string[] = [".github", "src", "examples", "tests"];

/** All pages, from the root on: what is added to a folder is among them. */
export function listPages(): string[] {
  return ["README.md", ...FOLDERS.flatMap(listFiles)]
    .filter((file) => file.endsWith(".md"));
}

/** The pages for users, whose code is run: the README, and all in `.github`. */
export function listUserPages(): string[] {
  return listPages().filter((page) =>
    page === "README.md" || page.startsWith(".github/")
  );
}

/** The lines of a page that are not in blocks of code. */
function proseOf(markdown: string): string[] {
  let fence: string | undefined;
  return markdown.split("\n").filter((line) => {
    const [, mark] = /^\s*(```|~~~)/.exec(line) ?? [];
    if (mark === undefined) return fence === undefined;
    if (fence === undefined) fence = mark;
    else if (fence === mark) fence = undefined;
    return false;
  });
}

/** Where the links of a page lead, but for those to other sites. */
export function findLinks(markdown: string): string[] {
  const prose = proseOf(markdown).join("\n");
  // Code may hold what looks like a link; the text of a link may be code.
  const bare = prose.replaceAll(/`[^`\n]*`/g, "``");
  const inline = bare.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g);
  const named = bare.matchAll(/^\[(?!\^)[^\]\n]+\]:\s*<?([^\s>]+)/gm);
  return [...inline, ...named].map(([, link = ""]) => link)
    .filter((link) => !/^[a-z][a-z0-9+.-]*:/i.test(link));
}

/** The files and folders of the checkout that a page names in code. */
export function findPaths(markdown: string): string[] {
  return Array.from(
    proseOf(markdown).join("\n").matchAll(
      /`((?:\.ci|\.github|examples|src|tests)\/[\w./-]*)`/g,
    ),
    ([, path = ""]) => path,
  );
}

/** The anchors of a page, as GitHub and JSR name the headings. */
export function findAnchors(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const line of proseOf(markdown)) {
    const [, heading] = /^#{1,6} +(.+?) *#*$/.exec(line) ?? [];
    if (heading === undefined) continue;
    const name = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
    let anchor = name;
    for (let i = 1; anchors.has(anchor); i++) anchor = `${name}-${i}`;
    anchors.add(anchor);
  }
  return anchors;
}
