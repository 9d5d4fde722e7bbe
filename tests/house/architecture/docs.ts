/** What `deno doc` reads of an entry point, and what is missing there. */

import { execFileSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** What is used here of the output of `deno doc --json`. */
export interface Docs {
  readonly nodes: Record<string, {
    readonly module_doc?: JsDoc;
    readonly symbols: readonly {
      readonly name: string;
      readonly declarations: readonly Declaration[];
    }[];
  }>;
}

/** A declaration of an exported name. */
export interface Declaration {
  readonly kind: string;
  readonly jsDoc?: JsDoc;
  readonly def?: Signature & {
    readonly constructors?: readonly Signature[];
    readonly methods?: readonly Method[];
    readonly properties?: readonly Property[];
  };
}

/** A documentation comment. */
export interface JsDoc {
  readonly doc?: string;
  readonly tags?: readonly {
    readonly kind: string;
    readonly name?: string;
    readonly doc?: string;
    readonly tsType?: unknown;
    /** Of a default. */
    readonly value?: string;
  }[];
}

interface Signature {
  readonly params?: readonly Parameter[];
  readonly returnType?: unknown;
}

interface Parameter {
  readonly name?: string;
  /** Of a parameter with a default. */
  readonly left?: Parameter;
  /** Of a rest parameter. */
  readonly arg?: Parameter;
}

interface Method extends Signature {
  readonly name: string;
  readonly kind: string;
  readonly jsDoc?: JsDoc;
  /** Of a class; an interface's method is a signature itself. */
  readonly functionDef?: Signature;
}

interface Property {
  readonly name: string;
  readonly optional?: boolean;
  readonly jsDoc?: JsDoc;
}

/** Reads the documentation of an entry point. Only on Deno. */
export function readDocs(file: string): Docs {
  return JSON.parse(execFileSync(process.execPath, ["doc", "--json", file], {
    cwd: fileURLToPath(new URL("../../../", import.meta.url)),
    encoding: "utf8",
    maxBuffer: 1 << 26,
  }));
}

/** The numbers that an interface's `@default` tags tell, by property. */
export function numericDefaults(
  docs: Docs,
  name: string,
): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (const { symbols } of Object.values(docs.nodes)) {
    for (const symbol of symbols) {
      if (symbol.name !== name) continue;
      for (const { def } of symbol.declarations) {
        for (const { name, jsDoc } of def?.properties ?? []) {
          const tag = jsDoc?.tags?.find(({ kind }) => kind === "default");
          const value = Number(tag?.value?.replaceAll("_", ""));
          if (!Number.isNaN(value)) numbers[name] = value;
        }
      }
    }
  }
  return numbers;
}

/**
 * What is missing, beyond what `deno doc --lint` asks for: a snippet for the
 * entry point; the parameters, what is returned, and an example of functions
 * and methods; a parameter with a default, which `deno doc` shows as required; an example of classes; the default of an option. An example of a
 * class that calls a method is the method's as well.
 */
export function findDocFaults(docs: Docs): string[] {
  const faults: string[] = [];
  for (const { module_doc: page, symbols } of Object.values(docs.nodes)) {
    if (!/^```ts$/m.test(page?.doc ?? "")) {
      faults.push("the module has no snippet");
    }
    for (const { name, declarations } of symbols) {
      for (const declaration of declarations) {
        faults.push(...faultsOf(name, declaration));
      }
    }
  }
  return faults;
}

function faultsOf(name: string, { kind, jsDoc, def }: Declaration): string[] {
  const faults = ignoredExamples(name, jsDoc);
  const methods = (def?.methods ?? []).filter(({ kind }) => kind === "method");
  const examples = examplesOf(jsDoc);
  for (const { params } of def?.constructors ?? []) {
    faults.push(...requiredDefaults(`new ${name}`, params));
  }
  if (kind === "function") faults.push(...signatureFaults(name, jsDoc, def));
  if ((kind === "function" || kind === "class") && examples.length === 0) {
    faults.push(`${name} has no example`);
  }
  for (const method of methods) {
    const path = `${name}.${method.name}`;
    faults.push(
      ...ignoredExamples(path, method.jsDoc),
      ...signatureFaults(path, method.jsDoc, method.functionDef ?? method),
    );
    const shown = examplesOf(method.jsDoc).length > 0 ||
      examples.some((text) => text.includes(`.${method.name}(`));
    if (kind === "class" && !shown) faults.push(`${path} has no example`);
  }
  if (/(?:Options|Init)$/.test(name)) {
    for (const property of def?.properties ?? []) {
      if (property.optional && !hasDefault(property.jsDoc)) {
        faults.push(`${name}.${property.name} does not say its default`);
      }
    }
  }
  return faults;
}

function signatureFaults(
  name: string,
  jsDoc: JsDoc | undefined,
  signature: Signature | undefined,
): string[] {
  const tags = jsDoc?.tags ?? [];
  const faults = (signature?.params ?? []).map(nameOf)
    .filter((param) =>
      !tags.some(({ kind, name }) => kind === "param" && name === param)
    )
    .map((param) => `${name} does not tell its parameter ${param}`);
  faults.push(...requiredDefaults(name, signature?.params));
  // A promise of nothing returns nothing.
  const returns = JSON.stringify(signature?.returnType ?? "void");
  if (!returns.includes('"void"') && !tags.some((t) => t.kind === "return")) {
    faults.push(`${name} does not tell what it returns`);
  }
  const untyped = tags.some(({ kind, tsType }) =>
    kind === "throws" && tsType === undefined
  );
  if (untyped) faults.push(`${name} throws what has no type`);
  return faults;
}

function requiredDefaults(
  name: string,
  params: readonly Parameter[] = [],
): string[] {
  return params.filter(({ left }) => left !== undefined)
    .map((param) => `${name} shows its parameter ${nameOf(param)} as required`);
}

function nameOf({ name, left, arg }: Parameter): string | undefined {
  return name ?? (left ?? arg)?.name;
}

function examplesOf(jsDoc: JsDoc | undefined): string[] {
  return (jsDoc?.tags ?? []).filter(({ kind }) => kind === "example")
    .map(({ doc = "" }) => doc);
}

function ignoredExamples(name: string, jsDoc: JsDoc | undefined): string[] {
  return examplesOf(jsDoc).some((text) => /^```ts.*\bignore\b/m.test(text))
    ? [`${name} has an example that does not run`]
    : [];
}

function hasDefault(jsDoc: JsDoc | undefined): boolean {
  return (jsDoc?.tags ?? []).some(({ kind }) => kind === "default") ||
    /\b(?:default|without it)\b/i.test(jsDoc?.doc ?? "");
}
