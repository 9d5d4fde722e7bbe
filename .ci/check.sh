set -e
# What needs no package, without an import map. Tests and the examples that use
# @std are checked by the test command, which knows where to find it.
files=(mod.ts src)
for example in examples/*.ts; do
  if [ -e "$example" ] && ! grep -q '"@std/' "$example"; then
    files+=("$example")
  fi
done
deno check "${files[@]}"
