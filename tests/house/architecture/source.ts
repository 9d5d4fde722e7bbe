/** Reads TypeScript as far as the tests of the architecture need it. */

/** What a source file says, without what it says to people. */
export interface Source {
  /** The code with its comments blanked. */
  readonly code: string;
  /** The code with comments, and the text inside of strings, blanked. */
  readonly bare: string;
}

/** A module that another one imports or re-exports. */
export interface Import {
  readonly specifier: string;
  /** Whether the whole statement is erased (`import type`, `export type`). */
  readonly typeOnly: boolean;
}

/** After one of these a slash begins a regular expression, no division. */
const BEFORE_REGEXP =
  /(?:^|[({[,;=:?!&|+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void))$/;

/** Blanks comments and strings; line breaks and all positions are kept. */
export function readSource(text: string): Source {
  const code = text.split("");
  const bare = text.split("");
  let i = 0;

  const blank = (into: string[], from: number, to: number): void => {
    for (let k = from; k < to; k++) if (into[k] !== "\n") into[k] = " ";
  };
  const skipComment = (end: string, keep: number): void => {
    const at = text.indexOf(end, i + 2);
    const to = at < 0 ? text.length : at + keep;
    blank(code, i, to);
    blank(bare, i, to);
    i = to;
  };
  const skipString = (quote: string): void => {
    const from = ++i;
    while (i < text.length && text[i] !== quote) i += text[i] === "\\" ? 2 : 1;
    blank(bare, from, i++);
  };
  const skipRegExp = (): void => {
    const from = ++i;
    let inClass = false;
    while (i < text.length && (inClass || text[i] !== "/")) {
      if (text[i] === "[") inClass = true;
      else if (text[i] === "]") inClass = false;
      i += text[i] === "\\" ? 2 : 1;
    }
    blank(bare, from, i++);
  };
  const skipTemplate = (): void => {
    let from = ++i;
    while (i < text.length && text[i] !== "`") {
      if (text.startsWith("${", i)) {
        blank(bare, from, i);
        i += 2;
        readCode("}");
        from = i;
      } else {
        i += text[i] === "\\" ? 2 : 1;
      }
    }
    blank(bare, from, i++);
  };
  const readCode = (end: string): void => {
    let depth = 0;
    while (i < text.length) {
      const char = text[i] ?? "";
      if (char === "/" && text[i + 1] === "/") skipComment("\n", 0);
      else if (char === "/" && text[i + 1] === "*") skipComment("*/", 2);
      else if (char === '"' || char === "'") skipString(char);
      else if (char === "`") skipTemplate();
      else if (char === "/" && BEFORE_REGEXP.test(lastWord(bare, i))) {
        skipRegExp();
      } else {
        i++;
        if (char === "{") depth++;
        else if (char === "}" && depth-- === 0 && end === "}") return;
      }
    }
  };

  readCode("");
  return { code: code.join(""), bare: bare.join("") };
}

function lastWord(bare: readonly string[], end: number): string {
  return bare.slice(Math.max(0, end - 200), end).join("").trimEnd();
}

/** Every import and re-export, static and dynamic. */
export function findImports({ code, bare }: Source): Import[] {
  const found: Import[] = [];
  // `bare` finds the statements, so that none is found inside of a string;
  // `code` has their specifiers at the same places.
  const statement =
    /\b(?:(?:import|export)\b(\s+type\b(?!\s+from\b))?[\w\s{},*$]*?\bfrom|import)\s*\(?\s*(["'`])( *)\2/g;
  for (const match of bare.matchAll(statement)) {
    const [whole, type, , blanks = ""] = match;
    const start = match.index + whole.length - 1 - blanks.length;
    found.push({
      specifier: code.slice(start, start + blanks.length),
      typeOnly: type !== undefined,
    });
  }
  return found;
}
