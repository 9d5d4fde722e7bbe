/** The JavaScript engine that this runs on: JavaScriptCore under Bun, V8 elsewhere. */
export const javaScriptEngine: "v8" | "jsc" = "Bun" in globalThis
  ? "jsc"
  : "v8";
