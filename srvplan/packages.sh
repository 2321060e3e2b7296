#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# packages.sh: the Debian packages that building and testing need, in one place; read by
# quickstart.sh and tests/run.sh with `.`.
#
#   need_packages NAME…    installs those that are missing, and asks nobody when none is

# shellcheck disable=SC2034 # whoever reads this file uses them
build_packages="gcc libc6-dev meson ninja-build pkg-config libldns-dev libmicrohttpd-dev
    libjansson-dev libyaml-dev libidn2-dev libical-dev libgmp-dev libsqlite3-dev libcurl4-openssl-dev libssl-dev
    libseccomp-dev scdoc
    tzdata"
# shellcheck disable=SC2034
test_packages="check openssl python3 python3-dateutil python3-dnspython python3-jsonschema python3-yaml nsd knot bind9-utils bind9-dnsutils curl
    clang-format shellcheck mandoc iproute2 libxml2-utils bash zsh fish
    libglib2.0-dev libstrophe-dev prosody lua5.4 python3-slixmpp python3-aioxmpp openjdk-17-jdk-headless
    libminidns-java erlang-p1-xmpp haproxy unbound systemd python3-prometheus-client prometheus"
# Node.js from elsewhere brings its npm, and conflicts with Debian's.
command -v npm >/dev/null || test_packages="$test_packages nodejs npm"
# shellcheck disable=SC2034
fuzz_packages="clang libclang-rt-14-dev"

need_packages() {
    missing=
    for package; do
        dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "these packages are missing, and there is no apt-get here:$missing" >&2
        return 1
    fi
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "run this as root, or install these packages first:$missing" >&2
            return 1
        fi
        as_root=sudo
    fi
    echo "installing:$missing"
    # What a package starts by itself (nsd on port 53) is none of ours: keep it from starting.
    $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q -y update </dev/null
    # shellcheck disable=SC2086 # a list of words
    $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q -y install \
        --no-install-recommends $missing </dev/null
}
