/** Registered without the helper: only Deno's own sanitizer can see it. */
Deno.test("a test that leaks a resource", () => {
  Deno.listen({ hostname: "127.0.0.1", port: 0 });
});
