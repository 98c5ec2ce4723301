#!/usr/bin/env bash
# Make sure that the programs named as arguments are on this machine; install what is missing where that is allowed.
#
#   scripts/setup_system.sh chromium firefox-esr redis-server postgres node
#
# Installs with apt-get when we are root or sudo asks for no password. Otherwise says what to install and fails: a test
# whose program is missing must never count as passed.
set -euo pipefail

is_there() {
    case "$1" in
        # Debian keeps PostgreSQL's server programs off the PATH, one folder for each version.
        postgres) command -v postgres >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null ;;
        # … and these where only root's PATH leads.
        nginx | haproxy | mariadbd) command -v "$1" >/dev/null || [[ -x /usr/sbin/$1 ]] ;;
        # What a package that is built from source includes: those of the Python of our virtual environment.
        python-headers) [[ -e $(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h ]] ;;
        chinese-font) fc-list :lang=zh | grep -q . ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

package_of() {
    case "$1" in
        chromium | firefox-esr) echo "$1 fonts-dejavu-core" ;; # without a font a headless browser draws empty boxes
        postgres) echo "postgresql" ;;
        mariadbd) echo "mariadb-server" ;;
        mariadb_config) echo "libmariadb-dev" ;;
        cc) echo "gcc libc6-dev" ;;
        python-headers) echo "python3-dev" ;;
        node) echo "nodejs" ;;
        npx) echo "npm" ;;
        msgfmt) echo "gettext" ;;
        systemd-analyze) echo "systemd" ;;
        chinese-font) echo "fontconfig fonts-wqy-microhei" ;;
        *) echo "$1" ;;
    esac
}

missing=()
packages=()
for program in "$@"; do
    if ! is_there "$program"; then
        missing+=("$program")
        read -ra names <<<"$(package_of "$program")"
        packages+=("${names[@]}")
    fi
done
((${#missing[@]})) || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Missing: ${missing[*]}. Install them with your system's package manager (Debian's names: ${packages[*]})." >&2
    exit 1
fi
as_root=()
if [[ $(id -u) != 0 ]]; then
    if ! sudo -n true 2>/dev/null; then
        echo "Missing: ${missing[*]}. Install them: sudo apt-get install ${packages[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

# A service that a package brings would start now and at each boot, and take its port. The tests start processes of their own.
policy=/usr/sbin/policy-rc.d # https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt
if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod +x "$policy"
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi

echo "Installing ${packages[*]}" >&2
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
if command -v systemctl >/dev/null; then
    for package in "${packages[@]}"; do
        "${as_root[@]}" systemctl disable --quiet "$package.service" 2>/dev/null || true # most bring none
    done
fi

for program in "${missing[@]}"; do
    is_there "$program" || { echo "$program is still missing after installing ${packages[*]}." >&2; exit 1; }
done
