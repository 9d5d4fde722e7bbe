# Installs the proxies that the Dialer is tested against, where that is possible:
# on Debian and its kin, as root. Where it is not, their tests are skipped.

missing=()
for program in tinyproxy microsocks; do
  command -v "$program" >/dev/null || missing+=("$program")
done

if [ "${#missing[@]}" -eq 0 ]; then
  printf 'tinyproxy and microsocks are installed\n'
elif [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  printf 'not installed, so not tested: %s\n' "${missing[*]}"
else
  export DEBIAN_FRONTEND=noninteractive
  install=(apt-get install -y -qq --no-install-recommends "${missing[@]}")
  # The second try is for package lists that are old, or not there at all.
  if ! "${install[@]}" && ! { apt-get update -qq && "${install[@]}"; }; then
    printf 'cannot be installed, so not tested: %s\n' "${missing[*]}"
  fi
fi
