deno fmt --check
