deno task test
