# Installs the programs of others that the library is tested against, where that
# is possible: on Debian and its kin, as root. Where it is not, or a package is
# not to be had, the tests that need it are skipped, and say so.

# The packages, and what shows that each is installed.
packages=(tinyproxy microsocks haproxy nghttp2-proxy chromium
  python3-websockets python3-autobahn redis-server nats-server postgresql)
have() {
  case "$1" in
    python3-*) /usr/bin/python3 -c "import ${1#python3-}" ;;
    nghttp2-proxy) command -v nghttpx ;;
    # Debian has its programs in a folder of their own.
    postgresql) ls /usr/lib/postgresql/*/bin/initdb ;;
    *) command -v "$1" || [ -x "/usr/sbin/$1" ] ;;
  esac >/dev/null 2>&1
}

missing=()
for package in "${packages[@]}"; do
  have "$package" || missing+=("$package")
done

if [ "${#missing[@]}" -gt 0 ] && [ "$(id -u)" -eq 0 ] &&
  command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  # A machine of CI is thrown away: nothing need be safe from its loss of power.
  install=(apt-get install -y -qq --no-install-recommends
    -o DPkg::Options::=--force-unsafe-io)
  # The second try is for package lists that are old, or not there at all; the
  # rest is for a system that does not have them all.
  if ! "${install[@]}" "${missing[@]}" >/dev/null &&
    apt-get update -qq &&
    ! "${install[@]}" "${missing[@]}" >/dev/null; then
    for package in "${missing[@]}"; do
      "${install[@]}" "$package" >/dev/null
    done
  fi
fi

for package in "${packages[@]}"; do
  if have "$package"; then
    version=$(dpkg-query -W -f='${Version}' "$package" 2>/dev/null)
    printf '%s %s\n' "$package" "${version:-is installed}"
  else
    printf '%s is not installed, so not tested against\n' "$package"
  fi
done
