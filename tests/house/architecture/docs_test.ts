import { assertEquals, assertMatch } from "@std/assert";
import { test } from "../../support/helper.ts";
import { connSettings } from "../../../src/conn/options.ts";
import { compressionSettings } from "../../../src/deflate/options.ts";
import {
  type Declaration,
  findDocFaults,
  numericDefaults,
  readDocs,
} from "./docs.ts";
import { entryPoints, readText } from "./files.ts";

/** What may be missing, and why. */
const EXCEPTIONS: ReadonlyMap<RegExp, string> = new Map([
  [/^Bun\w+\.\w+ does not tell/, "Bun's, for Bun's documentation to tell"],
]);

for (const file of Object.values(entryPoints())) {
  test(`${file} documents all that it exports`, () => {
    const faults = findDocFaults(readDocs(file)).filter((fault) =>
      ![...EXCEPTIONS.keys()].some((exception) => exception.test(fault))
    );
    assertEquals(faults, []);
  }, { only: "deno" });
}

test("the defaults that are told are those that hold", () => {
  const docs = readDocs("mod.ts");
  const settings = connSettings({}, "server");
  const { keepAlive, writeBufferPool: _, messageLimit, ...numbers } = settings;
  assertEquals(messageLimit, undefined);
  const told = numericDefaults(docs, "ConnOptions");
  assertEquals(told, numbers);
  assertEquals(numericDefaults(docs, "KeepAliveOptions"), keepAlive);
  const compression = numericDefaults(docs, "CompressionOptions");
  assertEquals({ ...compressionSettings(true), ...compression }, {
    ...compressionSettings(true),
  });
  assertEquals(Object.keys(compression).length, 4);

  const page = readText("mod.ts");
  for (const [name, value] of Object.entries(told)) {
    const text = value % 2 ** 20 === 0
      ? `${value / 2 ** 20} MiB`
      : value % 1024 === 0
      ? `${value / 1024} KiB`
      : value.toLocaleString("en");
    assertMatch(page, new RegExp(`^ \\* \\| \`${name}\` +\\| ${text} `, "m"));
  }
}, { only: "deno" });

/** The faults of one declaration under the name `X`. */
function faultsOf(declaration: Declaration): string[] {
  const page = { doc: "```ts\nx();\n```" };
  const symbols = [{ name: "XOptions", declarations: [declaration] }];
  return findDocFaults({ nodes: { "x.ts": { module_doc: page, symbols } } });
}

test("findDocFaults() passes what is told", () => {
  assertEquals(
    faultsOf({
      kind: "class",
      jsDoc: { tags: [{ kind: "example", doc: "```ts\nx.read(1);\n```" }] },
      def: {
        methods: [{
          name: "read",
          kind: "method",
          functionDef: { params: [{ name: "bytes" }] },
          jsDoc: { tags: [{ kind: "param", name: "bytes" }] },
        }],
        properties: [
          { name: "a", optional: true, jsDoc: { doc: "Default: none." } },
          { name: "b", optional: true, jsDoc: { tags: [{ kind: "default" }] } },
          { name: "c" },
        ],
      },
    }),
    [],
  );
});

test("findDocFaults() finds what is missing", () => {
  assertEquals(findDocFaults({ nodes: { "x.ts": { symbols: [] } } }), [
    "the module has no snippet",
  ]);
  assertEquals(
    faultsOf({
      kind: "class",
      def: {
        methods: [{
          name: "read",
          kind: "method",
          functionDef: {
            params: [{ name: "a" }, { arg: { name: "b" } }],
            returnType: { repr: "number" },
          },
          jsDoc: { tags: [{ kind: "throws" }] },
        }],
        properties: [{ name: "c", optional: true, jsDoc: { doc: "A thing." } }],
      },
    }),
    [
      "XOptions has no example",
      "XOptions.read does not tell its parameter a",
      "XOptions.read does not tell its parameter b",
      "XOptions.read does not tell what it returns",
      "XOptions.read throws what has no type",
      "XOptions.read has no example",
      "XOptions.c does not say its default",
    ],
  );
  assertEquals(
    faultsOf({
      kind: "function",
      jsDoc: { tags: [{ kind: "example", doc: "One\n```ts ignore\n```" }] },
    }),
    ["XOptions has an example that does not run"],
  );
  assertEquals(
    faultsOf({
      kind: "class",
      jsDoc: { tags: [{ kind: "example", doc: "```ts\nnew X();\n```" }] },
      def: { constructors: [{ params: [{ left: { name: "a" } }] }] },
    }),
    ["new XOptions shows its parameter a as required"],
  );
});
