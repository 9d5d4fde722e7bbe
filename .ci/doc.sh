set -e
# Every entry point that deno.json exports.
entries=$(deno eval \
  'console.log(Object.values(JSON.parse(Deno.readTextFileSync("deno.json")).exports).join(" "))')
# shellcheck disable=SC2086 -- one word a file
deno doc --lint $entries
