#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# house.sh: the rules of the house that a compiler does not check.
#
#   house.sh [TREE]        says every breach as FILE: what; exits 1 when there is one
#   house.sh --self-test   breaks each rule in a tree of its own, and sees it said
#
#   - includes run one way: zones ← nobody, srvplan → zones, dnsd → zones, api → srvplan and zones
#   - a library has one door: only the files listed here include its header
#   - nothing visible but the house stands at the top of the tree
#   - each source has its SPDX line, each header `#pragma once`
set -eu

say() {
    echo "$1"
    breaches=$((breaches + 1))
}

# may ROOM: the rooms that it may include, as a pattern of case.
may() {
    case $1 in
    zones) echo 'zones' ;;
    srvplan) echo 'srvplan|zones' ;;
    dnsd) echo 'dnsd|zones' ;;
    api) echo 'api|srvplan|zones' ;;
    esac
}

check_directions() {
    for room in zones srvplan dnsd api; do
        allowed=$(may "$room")
        for file in $(find "$room" -name '*.[ch]' -o -name '*.def' | sort); do
            sed -n 's/^#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$file" |
                grep -vE "^($allowed)/" | sed "s|^|$file: may not include |"
        done
    done >"$found"
    while read -r line; do say "$line"; done <"$found"
}

# door HEADERS FILES: headers (a pattern) that only those files (a pattern) may include.
check_door() {
    grep -rlE "^#[[:space:]]*include[[:space:]]*<($1)" zones srvplan dnsd api --include='*.[ch]' |
        grep -vE "^($2)\$" >"$found" || true
    while read -r file; do say "$file: is no door for <$1>"; done <"$found"
}

check_doors() {
    check_door 'openssl/' '(zones/base/digest|api/tls/(context|stream))\.c'
    check_door 'ldns/' 'zones/(text|zonefile[a-z_]*)\.c'
    check_door 'sqlite3\.h' 'api/store/[a-z_]*\.[ch]'
    check_door 'microhttpd\.h' 'api/http/[a-z_]*\.[ch]'
    check_door 'yaml\.h' 'srvplan/yaml\.c'
    check_door 'idn2\.h' 'srvplan/inventory_names\.c'
    check_door 'libical/' 'srvplan/recurrence\.c'
    check_door 'gmp\.h' 'srvplan/rational\.c'
    check_door 'curl/' 'srvplan/command/client\.c'
    check_door 'seccomp\.h' 'dnsd/sandbox\.c'
    check_door 'jansson\.h' '(srvplan|api)/.*'
}

check_top() {
    for entry in *; do
        case $entry in
        srvplan | dnsd | api | zones | tests | meson.build | meson_options.txt | README.md | COPYING) ;;
        build*) ;; # what .gitignore leaves out
        *) say "$entry: does not belong at the top of the tree" ;;
        esac
    done
}

check_files() {
    find zones srvplan dnsd api tests \( -name '*.[ch]' -o -name '*.def' -o -name '*.py' -o -name '*.sh' \
        -o -name 'meson.build' \) -print | sort >"$found"
    while read -r file; do
        head -n 3 "$file" | grep -q 'SPDX-License-Identifier: GPL-3.0-or-later' ||
            say "$file: lacks its SPDX line"
        case $file in
        *.h) grep -q '^#pragma once' "$file" || say "$file: lacks #pragma once" ;;
        esac
    done <"$found"
}

check_tree() {
    breaches=0
    found=$(mktemp)
    cd "$1"
    check_directions
    check_doors
    check_top
    check_files
    rm -f "$found"
    [ "$breaches" -eq 0 ]
}

# breaks WHAT FILE TEXT: writes TEXT to FILE in a small good tree and expects WHAT to be said.
breaks() {
    tree=$(mktemp -d)
    mkdir -p "$tree/zones/base" "$tree/srvplan" "$tree/dnsd" "$tree/api" "$tree/tests"
    spdx='/* SPDX-License-Identifier: GPL-3.0-or-later */'
    printf '%s\n#include "zones/a.h"\n' "$spdx" >"$tree/zones/a.c"
    printf '%s\n#pragma once\n' "$spdx" >"$tree/zones/a.h"
    if ! (check_tree "$tree") >/dev/null; then
        echo "self-test: the good tree is not good" >&2
        exit 1
    fi
    # shellcheck disable=SC2059 # a format with one place for the SPDX line
    printf "$3" "$spdx" >"$tree/$2"
    if said=$(check_tree "$tree"); then
        echo "self-test: not seen: $1" >&2
        exit 1
    fi
    case $said in
    *"$1"*) ;;
    *)
        echo "self-test: \"$1\" expected, said: $said" >&2
        exit 1
        ;;
    esac
    rm -rf "$tree"
}

self_test() {
    breaks 'zones/b.c: may not include srvplan/plan.h' zones/b.c '%s\n#include "srvplan/plan.h"\n'
    breaks 'dnsd/b.c: may not include api/world/world.h' dnsd/b.c '%s\n#include "api/world/world.h"\n'
    breaks 'api/b.c: may not include dnsd/udp.h' api/b.c '%s\n# include "dnsd/udp.h"\n'
    breaks 'srvplan/b.c: may not include b.h' srvplan/b.c '%s\n#include "b.h"\n'
    breaks 'zones/b.c: is no door for <openssl/>' zones/b.c '%s\n#include <openssl/evp.h>\n'
    breaks 'dnsd/b.c: is no door for <ldns/>' dnsd/b.c '%s\n#include <ldns/ldns.h>\n'
    breaks 'zones/b.c: is no door for <jansson' zones/b.c '%s\n#include <jansson.h>\n'
    breaks 'api/b.c: is no door for <sqlite3' api/b.c '%s\n#include <sqlite3.h>\n'
    breaks 'docs: does not belong' docs '%s\n'
    breaks 'zones/b.c: lacks its SPDX line' zones/b.c '/* mine */\n'
    breaks 'zones/b.h: lacks #pragma once' zones/b.h '%s\n'
}

if [ "${1-}" = --self-test ]; then
    self_test
else
    check_tree "${1:-$(dirname "$0")/..}"
fi
