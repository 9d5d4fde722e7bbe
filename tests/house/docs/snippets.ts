/** The blocks of TypeScript in a page of Markdown. */

/** A block, as it stands in the page. */
export interface Snippet {
  /** The heading that it stands under, and its number there: `Streams 2`. */
  readonly name: string;
  /** What stands behind the name of the language: `ignore`, say. */
  readonly attributes: string;
  readonly code: string;
}

/** Reads the page, whose code blocks are fenced by three backticks. */
export function findSnippets(markdown: string): Snippet[] {
  const snippets: Snippet[] = [];
  let heading = "";
  let count = 0;
  let block: { attributes: string; lines: string[] } | undefined;
  let fenced = false; // in a block of another language
  for (const line of markdown.split("\n")) {
    if (block !== undefined) {
      if (line === "```") {
        const code = block.lines.join("\n") + "\n";
        const name = `${heading} ${++count}`;
        snippets.push({ name, attributes: block.attributes, code });
        block = undefined;
      } else {
        block.lines.push(line);
      }
    } else if (line.startsWith("```")) {
      const [language, ...attributes] = line.slice(3).split(" ");
      if (!fenced && language === "ts") {
        block = { attributes: attributes.join(" "), lines: [] };
      } else {
        fenced = !fenced;
      }
    } else if (!fenced && line.startsWith("#")) {
      heading = line.replace(/^#+ /, "");
      count = 0;
    }
  }
  return snippets;
}

/** Whether a block imports what is not ours and not of the runtimes. */
export function needsPackages({ code }: Snippet): boolean {
  const imports = code.matchAll(/^(?:import|\} from)\b.*?"([^"]+)"/gm);
  return [...imports].some(([, specifier = ""]) =>
    !/^(?:node:|@silverback\/|@std\/)/.test(specifier)
  );
}
