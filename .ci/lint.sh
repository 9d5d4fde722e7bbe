set -e
deno lint
# The library is silent; tests and examples may print.
deno lint --rules-include=no-console mod.ts src
