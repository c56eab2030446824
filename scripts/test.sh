#!/usr/bin/env bash
# Runs every test, and starts what they need: a PostgreSQL and a Valkey that live for this run
# alone and a small real model server. Behind `make test`.
#
#   test.sh [ARGUMENT...]   arguments go to `cargo test`, as in: test.sh -p terrace-cost-ledger;
#                           without any, the whole workspace is built and tested
#
# What the tests are told:
#   TERRACE_TEST_DATABASE_URL        URL of a database in which new ones may be created
#   TERRACE_TEST_CACHE_URL           URL of a Valkey, or of a Redis 7
#   TERRACE_TEST_MODEL_SERVER_URL    a real model server; the OpenAI API is under /v1
#   TERRACE_TEST_MODEL_SERVER_MODEL  the model that it serves
#   TERRACE_TEST_LLMOCK_URL          a simulator of faulty providers
#   TERRACE_TEST_AIMOCK_URL          a simulator of good ones
#   TERRACE_TEST_OLLAMA_PROXY_URL    Ollama's API in front of the real model server
# One that is already set is used as it is, and nothing is started for it.
#
# The last line has the totals: "total: N passed, N failed, N skipped".
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in -h | --help) usage; exit 0 ;; esac
have cargo || die "there is no cargo: install Rust from https://rustup.rs and run this again."
cd "$ROOT"
# Snapshots are compared, never rewritten.
export INSTA_UPDATE=no

scope=("$@")
[ $# -gt 0 ] || scope=(--workspace)
run_dir=$(mktemp -d "${TMPDIR:-/tmp}/terrace-test.XXXXXX")
# PostgreSQL runs as another user when we are root.
chmod 755 "$run_dir"
# Where the simulators' programs are tells which processes are theirs: starting and stopping have to
# agree on it.
export SIMULATORS_FILES=${SIMULATORS_FILES:-$(default_data_dir)/simulators-files}

clean_up() {
    end_group
    scripts/simulators.sh stop "$run_dir/simulators" || true
    scripts/model-server.sh stop "$run_dir/model-server" || true
    scripts/valkey.sh clean "$run_dir/valkey" || true
    scripts/postgres.sh clean "$run_dir/postgres" || true
    rm -rf "$run_dir"
}
on_end clean_up

start_services() {
    have cc || need_packages "a C compiler" gcc libc6-dev
    if [ -z "${TERRACE_TEST_DATABASE_URL:-}" ]; then
        TERRACE_TEST_DATABASE_URL=$(PGFSYNC=off scripts/postgres.sh start "$run_dir/postgres")
        export TERRACE_TEST_DATABASE_URL
    fi
    if [ -z "${TERRACE_TEST_CACHE_URL:-}" ]; then
        TERRACE_TEST_CACHE_URL=$(scripts/valkey.sh start "$run_dir/valkey")
        export TERRACE_TEST_CACHE_URL
    fi
    if [ -z "${TERRACE_TEST_MODEL_SERVER_URL:-}" ]; then
        TERRACE_TEST_MODEL_SERVER_URL=$(MODEL_SERVER_FILES=$(default_data_dir)/model-server-files \
            scripts/model-server.sh start "$run_dir/model-server")
        TERRACE_TEST_MODEL_SERVER_MODEL=$(scripts/model-server.sh model)
        export TERRACE_TEST_MODEL_SERVER_URL TERRACE_TEST_MODEL_SERVER_MODEL
    fi
    # A test that kills a model server starts one of its own, from the same files.
    export MODEL_SERVER_FILES=${MODEL_SERVER_FILES:-$(default_data_dir)/model-server-files}
    if [ -z "${TERRACE_TEST_LLMOCK_URL:-}" ]; then start_simulators; fi
}

# start_simulators: of each line "NAME URL" a variable.
start_simulators() {
    local name url list
    list=$(UPSTREAM_URL=$TERRACE_TEST_MODEL_SERVER_URL \
        UPSTREAM_MODEL=$TERRACE_TEST_MODEL_SERVER_MODEL scripts/simulators.sh start "$run_dir/simulators")
    while read -r name url; do
        case $name in
        llmock) export TERRACE_TEST_LLMOCK_URL=$url ;;
        aimock) export TERRACE_TEST_AIMOCK_URL=$url ;;
        ollama-proxy) export TERRACE_TEST_OLLAMA_PROXY_URL=$url ;;
        esac
    done <<<"$list"
}

# run_tests: the end-to-end tests start our programs, so all of them are built first; building
# everything at once keeps the choice of features the same as in the test run.
run_tests() {
    if [ "${scope[*]}" = --workspace ]; then
        say "building everything; from nothing this takes ten minutes on two cores"
        cargo build --workspace --all-targets || return
    fi
    say "running the tests"
    cargo test --no-fail-fast "${scope[@]}" | tee "$run_dir/tests.log"
}

# totals: sums the closing lines of all test programs.
totals() {
    awk '/^test result:/ {
            for (i = 2; i <= NF; i++) {
                if ($i ~ /^passed/) passed += $(i - 1)
                if ($i ~ /^failed/) failed += $(i - 1)
                if ($i ~ /^ignored/) ignored += $(i - 1)
            }
        }
        END { printf "total: %d passed, %d failed, %d skipped\n", passed, failed, ignored }' "$run_dir/tests.log"
}

start_services
status=0
run_group run_tests || status=$?
if [ -s "$run_dir/tests.log" ]; then
    [ "$status" = 0 ] || grep -hE '^test .* FAILED$' "$run_dir/tests.log" || true
    totals | tee "$TARGET_DIR/test-totals"
fi
exit "$status"
