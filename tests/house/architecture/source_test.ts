import { assertEquals } from "@std/assert";
import { test } from "../../support/helper.ts";
import { findImports, readSource } from "./source.ts";

function importsOf(text: string): string[] {
  return findImports(readSource(text)).map(({ specifier, typeOnly }) =>
    (typeOnly ? "type " : "") + specifier
  );
}

test("findImports() finds every form of import and re-export", () => {
  assertEquals(
    importsOf(`
      import a from "./a.ts";
      import { b, type B } from './b.ts';
      import * as c from "./c.ts";
      import d, { e as f } from "./d.ts";
      import type { G } from "./g.ts";
      import type H from "./h.ts";
      import type from "./i.ts";
      import "./j.ts";
      export * from "./k.ts";
      export * as l from "./l.ts";
      export {
        m,
        n as o,
      } from "./m.ts";
      export type { P } from "./p.ts";
      const q = await import("./q.ts");
      type R = import("./r.ts").R;
    `),
    [
      "./a.ts",
      "./b.ts",
      "./c.ts",
      "./d.ts",
      "type ./g.ts",
      "type ./h.ts",
      "./i.ts",
      "./j.ts",
      "./k.ts",
      "./l.ts",
      "./m.ts",
      "type ./p.ts",
      "./q.ts",
      "./r.ts",
    ],
  );
});

test("findImports() finds nothing in comments and strings", () => {
  assertEquals(
    importsOf(`
      // import a from "./a.ts";
      /* import "./b.ts"; */
      /** import c from "./c.ts"; */
      const d = 'import "./d.ts"';
      const e = \`import "./e.ts" \${1 + 1} export * from "./f.ts"\`;
      export const from = "./g.ts";
      export const h = Array.from("./h.ts");
    `),
    [],
  );
});

test("readSource() blanks comments, strings and regular expressions", () => {
  const { code, bare } = readSource(
    'a("Deno"); // Deno\nb(/["Deno/]*/ /* Deno */, 1 / 2, "/*");\nBun;',
  );
  assertEquals(
    code,
    'a("Deno");        \nb(/["Deno/]*/           , 1 / 2, "/*");\nBun;',
  );
  assertEquals(
    bare,
    'a("    ");        \nb(/         /           , 1 / 2, "  ");\nBun;',
  );
});

test("readSource() keeps the code inside of templates", () => {
  const { bare } = readSource("`Bun ${f({ a: `Deno ${x}` })} Bun`; y");
  assertEquals(bare, "`    ${f({ a: `     ${x}` })}    `; y");
});
