#!/usr/bin/env bash
# A trace store on loopback, from PyPI (60 MB to fetch, once), for one developer and for the test that
# reads a request's trace back from it. Its pages show each trace as a tree.
#
#   trace-store.sh start  [DIR]   installs what is missing, starts it, prints its URL; starting twice is fine
#   trace-store.sh stop   [DIR]   stops it; stopping twice is fine
#   trace-store.sh prove          starts one for this run alone and has the end-to-end test send a request
#                                 through all services and read its trace back
#
# DIR defaults to the folder "trace-store" in TERRACE_DATA, that to /var/lib/terrace for root and
# ~/.local/share/terrace for others; the traces lie in it. It takes OTLP as JSON over HTTP at URL/v1/traces,
# while Terrace exports over gRPC: a collector stands in between, as deploy/otel/collector.yaml has one,
# or the test's own. TRACE_STORE_PORT: default a free one. It needs Python 3.11.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
start | stop | prove) verb=$1 ;;
-h | --help) usage; exit 0 ;;
*) usage >&2; exit 2 ;;
esac
[ $# -le 2 ] || die "one folder at most: see --help"
dir=$(absolute "${2:-${TERRACE_DATA:-$(default_data_dir)}/trace-store}")

readonly MARK="clustertrace.dashboard.app"
pid() { cat "$dir/pid" 2>/dev/null || true; }
running() { is_process "$(pid)" "$MARK"; }
url() { echo "http://127.0.0.1:$(cat "$dir/port")"; }

start_store() {
    local python port
    (umask 022 && mkdir -p "$dir")
    need_curl
    python=$("$ROOT/scripts/tools.sh" python-trace-store)
    port=${TRACE_STORE_PORT:-$(free_port)}
    say "starting the trace store"
    # A session of its own: a Ctrl-C in the terminal is for the script that asked for the store.
    CLUSTERTRACE_DB=$dir/traces.db setsid nohup "$python" -m uvicorn "$MARK:app" --host 127.0.0.1 \
        --port "$port" >"$dir/store.log" 2>&1 </dev/null 9>&- &
    echo $! >"$dir/pid"
    echo "$port" >"$dir/port"
    wait_for "the trace store" 60 "$(pid)" curl -fsS -m 2 -o /dev/null "$(url)/api/stats" || {
        tail -5 "$dir/store.log" >&2
        end_process "$(pid)" "$MARK"
        die "the trace store did not come up: see $dir/store.log"
    }
}

stop_store() {
    end_process "$(pid)" "$MARK"
    rm -f "$dir/pid"
}

prove() {
    dir=$(mktemp -d "${TMPDIR:-/tmp}/terrace-traces.XXXXXX")
    trap 'stop_store; rm -rf "$dir"' EXIT
    start_store
    TERRACE_TEST_TRACE_STORE_URL=$(url) "$ROOT/scripts/test.sh" --workspace --test it -- a_trace_store
}

case $verb in
start)
    running || start_store
    url
    ;;
stop) stop_store ;;
prove) prove ;;
esac
