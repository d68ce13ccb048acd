#!/bin/sh
# Checks for Swift and installs the system libraries that the build needs.
set -eu

need_major=6
need_minor=2
if ! command -v swift >/dev/null 2>&1; then
    echo "error: Swift $need_major.$need_minor or newer is needed and 'swift' is not on the PATH." >&2
    echo "       Install it from https://www.swift.org/install/linux/ and run this again." >&2
    exit 1
fi
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
major=${version%%.*}
minor=${version#*.}
if [ -z "$version" ] || [ "$major" -lt "$need_major" ] ||
    { [ "$major" -eq "$need_major" ] && [ "$minor" -lt "$need_minor" ]; }; then
    echo "error: Swift $need_major.$need_minor or newer is needed; this is '${version:-unknown}'." >&2
    echo "       Install a newer one from https://www.swift.org/install/linux/ and run this again." >&2
    exit 1
fi

missing=""
command -v pkg-config >/dev/null 2>&1 || missing="$missing pkg-config"
[ -f /usr/include/yaml.h ] || missing="$missing libyaml-dev"
[ -f /usr/include/openssl/evp.h ] || missing="$missing libssl-dev"
[ -f /usr/include/sqlite3.h ] || missing="$missing libsqlite3-dev"
[ -z "$missing" ] && exit 0

echo "installing:$missing"
if ! command -v apt-get >/dev/null 2>&1; then
    echo "error: these libraries are missing and there is no apt-get to install them:$missing" >&2
    echo "       Install them with your system's package manager and run this again." >&2
    exit 1
fi
root=""
[ "$(id -u)" -eq 0 ] || root=sudo
$root apt-get update -q
# shellcheck disable=SC2086  # a list of words is meant
DEBIAN_FRONTEND=noninteractive $root apt-get install -q -y --no-install-recommends $missing
