#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh: every test. Installs what is missing (Debian 12, as root or with sudo), builds with warnings
# as errors, checks format and scripts, runs all suites under AddressSanitizer and
# UndefinedBehaviorSanitizer, those with threads under ThreadSanitizer too, and ends with a line of
# counts.
#
#   sh tests/run.sh [--quick] [--long] [--update-golden]
#
#   --quick           unit tests only
#   --long            more rounds of everything that is random: kills, mutations, fuzzing
#   --update-golden   writes golden files anew; read their diff before you commit it
set -eu

exec </dev/null # nothing here asks; and what is started with a closed stdin may abort (dig does)
cd "$(dirname "$0")/.."
. srvplan/packages.sh

quick=no
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=yes ;;
    --long) export SRVPLAN_LONG=1 ;;
    --update-golden) export SRVPLAN_UPDATE_GOLDEN=1 ;;
    *)
        echo "usage: sh tests/run.sh [--quick] [--long] [--update-golden]" >&2
        exit 64
        ;;
    esac
    shift
done

# shellcheck disable=SC2086,SC2154 # lists of words, from packages.sh
need_packages $build_packages $test_packages

plain=${SRVPLAN_BUILD:-build}-plain
sanitized=${SRVPLAN_BUILD:-build}-asan
threads=${SRVPLAN_BUILD:-build}-tsan
threaded_tests="world http_server http_answers http_waiting dnsd_generation drain restart"
failed_steps=0

step() {
    echo "== $1"
    shift
    "$@" || failed_steps=$((failed_steps + 1))
}

configure() {
    if [ -f "$1/build.ninja" ]; then
        meson configure "$@"
    else
        meson setup "$@"
    fi
}

check_format() {
    # One list for both kinds of tree: a clone, and an archive without git.
    find api dnsd srvplan tests zones -name '*.[ch]' -print0 |
        xargs -0 clang-format --dry-run -Werror
}

check_scripts() {
    shellcheck -x srvplan/packages.sh srvplan/quickstart.sh tests/run.sh tests/house.sh
}

# fuzz_one NAME CORPUS…: ten minutes of a libFuzzer target, from its corpus.
fuzz_one() {
    name=$1
    shift
    mkdir -p "$fuzzing/$name"
    "$fuzzing/tests/fuzz/fuzz_$name" -max_total_time="${SRVPLAN_FUZZ_SECONDS:-600}" \
        "$fuzzing/$name" "$@"
}

# What the fuzzers find along the way stays in the build folder. A finding ends it with an error and
# its input.
fuzz() {
    # shellcheck disable=SC2086,SC2154 # a list of words, from packages.sh
    need_packages $fuzz_packages
    fuzzing=${SRVPLAN_BUILD:-build}-fuzz
    CC=clang configure "$fuzzing" -Dfuzz=enabled -Dwerror=true -Db_sanitize=address,undefined \
        -Dc_args=-fsanitize=fuzzer-no-link
    ninja -C "$fuzzing" tests/fuzz/fuzz_query tests/fuzz/fuzz_answer tests/fuzz/fuzz_inventory \
        tests/fuzz/fuzz_yaml tests/fuzz/fuzz_format
    fuzz_one query tests/fuzz/corpus_query &&
        fuzz_one answer tests/fuzz/corpus_answer &&
        fuzz_one inventory tests/inventory/valid tests/inventory/invalid &&
        fuzz_one yaml tests/inventory/valid tests/inventory/invalid &&
        fuzz_one format tests/inventory/valid tests/inventory/invalid
}

# Adds up what meson wrote about its tests: "P F S". What a Python test skipped inside is said and
# counted, too: nothing is left out in silence.
count() {
    python3 - "$@" <<'END'
import json, re, sys
passed = failed = skipped = 0
for path in sys.argv[1:]:
    try:
        lines = open(path, encoding="utf-8").read().splitlines()
    except OSError:
        continue
    for line in lines:
        test = json.loads(line)
        result = test["result"]
        for name, reason in re.findall(r"^(test_\w+) .*\.\.\. skipped (.*)$",
                                       test.get("stderr") or "", re.M):
            print(f"skipped: {test['name']}, {name}: {reason}", file=sys.stderr)
            skipped += 1
        if result in ("OK", "EXPECTEDFAIL"):
            passed += 1
        elif result == "SKIP":
            skipped += 1
        else:
            failed += 1
print(passed, failed, skipped)
END
}

echo "== build as a user does"
configure "$plain" -Dwerror=true -Dtests=disabled
SRVPLAN_BUILD=$plain sh srvplan/quickstart.sh --no-serve
echo "== build with sanitizers"
configure "$sanitized" -Dwerror=true -Db_sanitize=address,undefined
ninja -C "$sanitized"

if [ $quick = no ]; then
    echo "== build for the thread sanitizer"
    configure "$threads" -Dwerror=true -Db_sanitize=thread
    ninja -C "$threads"
fi

export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
rm -f "$sanitized"/meson-logs/testlog*.json "$threads"/meson-logs/testlog*.json
if [ $quick = yes ]; then
    step "unit tests" meson test -C "$sanitized" --no-rebuild --print-errorlogs --suite unit
else
    step "format" check_format
    step "scripts" check_scripts
    step "tests" meson test -C "$sanitized" --no-rebuild --print-errorlogs
    # shellcheck disable=SC2086 # a list of words
    step "threads" meson test -C "$threads" --no-rebuild --print-errorlogs $threaded_tests
    [ -z "${SRVPLAN_LONG-}" ] || step "fuzzing" fuzz
fi

# shellcheck disable=SC2046 # three numbers
set -- $(count "$sanitized"/meson-logs/testlog.json "$threads"/meson-logs/testlog.json)
[ $(($1 + $2)) -gt 0 ] || failed_steps=$((failed_steps + 1))
failed=$2
[ "$failed" -gt 0 ] || failed=$failed_steps
echo
echo "$1 passed, $failed failed, $3 skipped"
[ "$failed" -eq 0 ]
