#!/usr/bin/env bash
# Terrace with everything it needs, on this machine. Behind `make demo` and `make up`.
#
#   demo.sh demo   runs the four usage patterns, prints each answer with its routing and then the
#                  bill, and stops what it started
#   demo.sh up     the same services, until Ctrl-C
#
# What is missing is installed, what has to be built is built; the second run takes seconds.
#
# Tiers: a running Ollama at 127.0.0.1:11434 with models gives the local ones, else a small model
# server is set up. With ANTHROPIC_API_KEY or OPENAI_API_KEY the highest tier is that API and is
# billed by it; without, a scripted provider plays it, named as such, at the list price of the
# model that it stands for.
#
# TERRACE_DATA is where everything is kept: default /var/lib/terrace for root and
# ~/.local/share/terrace for others.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
demo | up) verb=$1 ;;
-h | --help) usage; exit 0 ;;
*) usage >&2; exit 2 ;;
esac

data=$(absolute "${TERRACE_DATA:-$(default_data_dir)}")
export TERRACE_DATA=$data
readonly CONFIG=$data/terrace.yaml LOG=$data/terrace.log READY=$data/terrace.ready
readonly PROVIDER_LOG=$data/scripted-provider.log PIDS=$data/pids
readonly OLLAMA=http://127.0.0.1:11434
scripts=$ROOT/scripts
bin=$TARGET_DIR/release

clean_up() {
    say "stopping what was started"
    end_group
    end_leftovers
    "$scripts/model-server.sh" stop 9>&- || true
    "$scripts/postgres.sh" stop 9>&- || true
    say "all of it has ended; the data stays in $data"
}

# end_leftovers: our own processes of this run, or of one that was killed.
end_leftovers() {
    local pid name
    while read -r pid name; do end_process "$pid" "$name"; done 2>/dev/null <"$PIDS" || true
    : >"$PIDS"
}

lock_data() {
    (umask 022 && mkdir -p "$data") 2>/dev/null || die "cannot create $data: set TERRACE_DATA to a folder of yours."
    exec 9>"$data/lock" || die "cannot write to $data: set TERRACE_DATA to a folder of yours."
    flock -n 9 || die "another demo uses $data: stop it first, or set TERRACE_DATA to another folder."
}

build() {
    have cargo || die "there is no cargo: install Rust from https://rustup.rs and run this again."
    have cc || need_packages "a C compiler" gcc libc6-dev
    [ -x "$bin/terrace" ] || say "building in release mode: once, about ten minutes on two cores"
    cd "$ROOT"
    run_group cargo build --release -p terrace-cli -p terrace-testkit --bin terrace --bin scripted-provider 9>&- ||
        die "the build failed: see above."
}

start_database() {
    (umask 077 && "$scripts/postgres.sh" start "$data/postgres" 9>&- >"$data/database-url")
}

# ollama_models: names of the models that a running Ollama has, the smallest first; those that
# only make embeddings are left out.
ollama_models() {
    curl -fsS -m 3 "$OLLAMA/api/tags" 2>/dev/null | python3 -c '
import json, sys
models = json.load(sys.stdin).get("models") or []
chat = [m for m in models if "embed" not in m["name"] and "bert" not in str((m.get("details") or {}).get("family"))]
for model in sorted(chat, key=lambda m: m.get("size", 0))[:2]:
    print(model["name"])' 2>/dev/null || true
}

# start_local: fills backend and tiers of the local models.
start_local() {
    local names url
    need_curl
    mapfile -t names < <(ollama_models)
    if [ ${#names[@]} -gt 0 ]; then
        local_backend="  ollama: {url: \"$OLLAMA\"}"
        say "local models: ${names[*]} of the running Ollama"
    else
        url=$("$scripts/model-server.sh" start 9>&-)
        names=("$("$scripts/model-server.sh" model)")
        local_backend="  llama-cpp: {kind: openai, profile: llama_cpp, url: \"$url/v1\"}"
        say "local model: ${names[0]} at $url"
    fi
    local settings="max_output_tokens: 256, context_window: 4096"
    [ -z "${url:-}" ] || settings="backend: llama-cpp, $settings"
    code_tier=local_fast
    local_tiers="  local_fast: {models: [{name: \"${names[0]}\", $settings}]}"
    if [ ${#names[@]} -gt 1 ]; then
        code_tier=local_quality
        local_tiers+=$'\n'"  local_quality: {models: [{name: \"${names[1]}\", $settings}]}"
    fi
}

# start_paid: fills backend and tier of the highest tier.
start_paid() {
    local url model settings="max_output_tokens: 512"
    paid_backend=
    if [ -n "${ANTHROPIC_API_KEY:-}" ]; then
        model="name: claude-sonnet-4-5, context_window: 200000"
        say "highest tier: claude-sonnet-4-5 of Anthropic; this demo costs about a cent"
    elif [ -n "${OPENAI_API_KEY:-}" ]; then
        model="name: gpt-4o, context_window: 128000"
        say "highest tier: gpt-4o of OpenAI; this demo costs about a cent"
    else
        url=$(start_scripted_provider)
        paid_backend="  scripted-api: {kind: openai, url: \"$url/v1\", scripted: true, paid: true}"
        model="name: scripted-sonnet, backend: scripted-api, price: {input: 3, output: 15}, context_window: 200000"
        say "highest tier: scripted-sonnet, a script that plays a paid API (set ANTHROPIC_API_KEY or OPENAI_API_KEY for a real one)"
    fi
    paid_tier="  api_fallback: {models: [{$model, $settings}]}"
}

start_scripted_provider() {
    setsid "$bin/scripted-provider" --model scripted-sonnet >"$PROVIDER_LOG" 2>&1 </dev/null 9>&- &
    echo "$! scripted-provider" >>"$PIDS"
    wait_for "the scripted provider" 10 $! grep -q '^http://' "$PROVIDER_LOG" || die "the scripted provider did not start: see $PROVIDER_LOG"
    head -1 "$PROVIDER_LOG"
}

write_config() {
    local port=7600 edge=7680
    # 0 takes any free one; the lines that terrace prints tell which.
    port_is_free "$port" || port=0
    port_is_free "$edge" || edge=0
    cat >"$CONFIG" <<YAML
# Written by scripts/demo.sh at every start. docs/CONFIG.md says what all of it means.
backends:
$local_backend
$paid_backend
tiers:
$local_tiers
$paid_tier
routing:
  quality_threshold: 0.7
  action_tier_overrides:
    classify_memory: local_fast
    draft_code: local_fast
    edit_file: $code_tier
cost_control:
  daily_budget: 5.00
ledger:
  database_url_file: "$data/database-url"
services:
  orchestrator: {listen: "127.0.0.1:$port"}
edge:
  listen: "127.0.0.1:$edge"
YAML
}

start_terrace() {
    : >"$READY"
    start_group "$bin/terrace" up --config "$CONFIG" >"$READY" 2>"$LOG" 9>&-
    echo "$GROUP terrace" >>"$PIDS"
    wait_for "terrace" 60 "$GROUP" grep -q '^ready ' "$READY" || {
        tail -20 "$LOG" >&2
        die "terrace did not start: the lines above are the end of $LOG"
    }
    cat "$READY"
    TERRACE_SERVER=$(sed -n 's/^ready //p' "$READY")
    edge_url=$(sed -n 's/^edge  *\(http:[^ ]*\).*/\1/p' "$READY")
    export TERRACE_SERVER
}

# route TITLE ARGUMENT...: an answer that did not pass (exit code 3) is an answer all the same.
route() {
    local argument status=0
    printf '\n--- %s\n$ terrace route' "$1"
    shift
    for argument in "$@"; do
        case $argument in *[!a-z0-9_-]*) printf " '%s'" "$argument" ;; *) printf ' %s' "$argument" ;; esac
    done
    printf '\n'
    "$bin/terrace" route "$@" 9>&- || status=$?
    case $status in 0 | 3) ;; *) failed=1 ;; esac
}

demo() {
    failed=0
    route "1. classification: the cheapest tier will do" --action classify_memory \
        --prompt "Classify this memory. What is its topic? Answer in two words: We made the memory cache asynchronous, so that lookups no longer block."
    route "2. code generation: code that parses is accepted" --action edit_file \
        --prompt "Write a Python function is_even(n) that returns True when n is even. Only code."
    route "3. orchestration: the marker asks for the highest tier" \
        --prompt "ORCHESTRATE: split a code review of a large change over three workers and merge what they find."
    route "4. quality check with fallback: what falls short goes one tier up" --action draft_code --quality-check \
        --max-output-tokens 200 \
        --prompt "Write a Python async function with_retry that calls another function and retries with exponential backoff."
    printf '\n--- the bill\n$ terrace cost\n'
    "$bin/terrace" cost 9>&- || failed=1
    return "$failed"
}

stay_up() {
    say "Terrace is up until Ctrl-C. In another terminal:"
    cat >&2 <<TEXT
      export TERRACE_SERVER=$TERRACE_SERVER
      $bin/terrace route --prompt "Why is the sky blue?"
      $bin/terrace cost
    Over HTTP, as to OpenAI: $edge_url/v1/chat/completions (docs/HTTP.md)
    The log is $LOG
TEXT
    trap 'exit 0' INT TERM
    wait "$GROUP"
    die "terrace ended by itself: see $LOG"
}

lock_data
on_end clean_up
end_leftovers
build
start_database
start_local
start_paid
write_config
start_terrace
case $verb in
demo) demo ;;
up) stay_up ;;
esac
