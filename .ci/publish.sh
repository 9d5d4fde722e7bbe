# Whether JSR would take the package. A clone in CI has no changes to overlook.
if [ -n "${CI:-}" ]; then
  deno publish --dry-run
else
  deno publish --dry-run --allow-dirty
fi
