# Sourced by `run`: puts `deno` and `bun` on PATH.

missing=()
command -v deno >/dev/null || missing+=(deno@^2.9.6)
command -v bun >/dev/null || missing+=(bun@^1.4.5)

if [ "${#missing[@]}" -gt 0 ]; then
  prefix=$(mktemp -d)
  trap 'rm -rf "$prefix"' EXIT
  printf '== tools: %s, from npm\n' "${missing[*]}"
  npm install --global --prefix "$prefix" --no-audit --no-fund \
    --no-update-notifier "${missing[@]}"
  export PATH="$prefix/bin:$PATH"
fi

deno --version
printf 'bun %s\n' "$(bun --version)"
