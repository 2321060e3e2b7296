#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# quickstart.sh: from a clone to a served sample: installs what the build needs (Debian, Ubuntu),
# builds, says what to try, and serves srvplan/sample/cluster.jsonc on loopback until Ctrl-C.
#
#   sh srvplan/quickstart.sh [--no-serve] [--dns ADDR:PORT] [--api ADDR:PORT]
set -eu

cd "$(dirname "$0")/.."
. srvplan/packages.sh

dns=127.0.0.1:5300
api=127.0.0.1:8053
serve=yes
while [ $# -gt 0 ]; do
    case $1 in
    --no-serve) serve=no ;;
    --dns) dns=${2:?--dns needs ADDR:PORT} && shift ;;
    --api) api=${2:?--api needs ADDR:PORT} && shift ;;
    *)
        echo "usage: sh srvplan/quickstart.sh [--no-serve] [--dns ADDR:PORT] [--api ADDR:PORT]" >&2
        exit 64
        ;;
    esac
    shift
done

# shellcheck disable=SC2086,SC2154 # a list of words, from packages.sh
need_packages $build_packages

build=${SRVPLAN_BUILD:-build}
[ -f "$build/build.ninja" ] || meson setup "$build" -Dtests=disabled
ninja -C "$build"

state=$build/quickstart
srvplan=$build/srvplan/srvplan
server=${dns%:*}
server=${server#[}
cat <<END

Built. In another terminal, in this folder ($PWD):

  dig @${server%]} -p ${dns##*:} _xmpp-client._tcp.example.org SRV
  alias srvplan='$srvplan --socket $state/api.sock'
  srvplan status
  srvplan drain ams1 -m "kernel update"     # new connections go elsewhere
  dig @${server%]} -p ${dns##*:} +short _xmpp-client._tcp.example.org SRV
  srvplan undrain ams1                      # and back
  srvplan weight ams2 50% -m "it is slow today"
  srvplan weight ams2 --reset
  curl -H "Authorization: Bearer \$(cat $state/admin.token)" http://$api/api/v1/nodes

Without any server:

  $srvplan plan -f srvplan/sample/cluster.jsonc
  $srvplan zone -f srvplan/sample/cluster.jsonc example.org

END
[ "$serve" = yes ] || exit 0
echo "Serving srvplan/sample/cluster.jsonc; Ctrl-C ends it."
exec "$srvplan" serve -f srvplan/sample/cluster.jsonc --state "$state" --dns "$dns" --api "$api"
