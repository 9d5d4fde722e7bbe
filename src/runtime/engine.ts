/**
 * The JavaScript engine that we run on: JavaScriptCore on Bun, V8 elsewhere.
 */
export const javaScriptEngine: "v8" | "jsc" = "Bun" in globalThis
  ? "jsc"
  : "v8";
