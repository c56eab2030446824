#!/usr/bin/env bash
# Stand-ins for model servers that nobody in this project wrote, on loopback, for tests. They come
# from PyPI and npm (35 MB to fetch, once), and nothing of them leaves the machine.
#
#   simulators.sh start  [DIR]   installs what is missing, starts all three, waits until they
#                                answer, prints a line "NAME URL" for each; starting twice is fine
#   simulators.sh stop   [DIR]   stops them; stopping twice is fine
#   simulators.sh status [DIR]   prints a line "NAME URL" or "NAME stopped" for each, and ends with
#                                exit code 3 when one is stopped
#
#   llmock        the OpenAI API at URL/v1 and the Anthropic API at URL/anthropic, with scripted
#                 faults (POST URL/_llmock/scenario) and a verdict on how the client took them
#                 (GET URL/_llmock/verdict)
#   aimock        the APIs of OpenAI (URL/v1), Anthropic (URL/v1/messages) and Ollama (URL/api),
#                 with the answers of AIMOCK_FIXTURES (default: tests/conformance/fixtures)
#   ollama-proxy  the API of Ollama at URL/api in front of a server that speaks OpenAI's, which
#                 UPSTREAM_URL (without /v1) and UPSTREAM_MODEL name; it calls that model
#                 local/UPSTREAM_MODEL
#
# DIR defaults to the folder "simulators" in TERRACE_DATA, that to /var/lib/terrace for root and
# ~/.local/share/terrace for others. The programs (0.2 GB) go to the folder "simulators-files"
# beside DIR, or to SIMULATORS_FILES.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly NAMES=(llmock aimock ollama-proxy)
readonly LISTS=$ROOT/scripts/simulators

case ${1:-} in
start | stop | status) verb=$1 ;;
-h | --help) usage; exit 0 ;;
*) usage >&2; exit 2 ;;
esac
[ $# -le 2 ] || die "one folder at most: see --help"
dir=$(absolute "${2:-${TERRACE_DATA:-$(default_data_dir)}/simulators}")
files=$(absolute "${SIMULATORS_FILES:-$(dirname "$dir")/simulators-files}")

pid() { cat "$dir/$1.pid" 2>/dev/null || true; }
url() { echo "http://127.0.0.1:$(cat "$dir/$1.port")"; }

# mark NAME: what tells its process from others.
mark() {
    case $1 in
    llmock) echo "$files/python/bin/llmock" ;;
    aimock) echo "$files/node/node_modules" ;;
    ollama-proxy) echo "$files/python/bin/ollama-proxy" ;;
    esac
}
running() { is_process "$(pid "$1")" "$(mark "$1")"; }

# need_node: Node.js 20 or newer with npm.
need_node() {
    { have node && have npm; } || need_packages "Node.js" nodejs npm
    node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' ||
        die "aimock needs Node.js 20 or newer, this is $(node --version): install it from https://nodejs.org and run this again."
}

install_files() {
    local stamp
    stamp=$(cat "$LISTS/requirements.txt" "$LISTS/package-lock.json" | sha256sum)
    need_node
    [ "$(cat "$files/installed" 2>/dev/null)" != "$stamp" ] || [ ! -x "$files/python/bin/python" ] || return 0
    say "fetching llmock, aimock and ollama-proxy-plus: 35 MB, once, about half a minute"
    (umask 022 && mkdir -p "$files/node")
    new_venv "$files/python"
    "$files/python/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        die "the simulators need Python 3.10, this is $(python3 --version)."
    "$files/python/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
        -r "$LISTS/requirements.txt" >&2 || die "pip could not install the simulators: the lines above say why."
    cp "$LISTS/package.json" "$LISTS/package-lock.json" "$files/node/"
    # The lock file has the sha512 of the package; none of its scripts is run.
    npm ci --prefix "$files/node" --silent --no-audit --no-fund --ignore-scripts >&2 ||
        die "npm could not install aimock: the lines above say why."
    echo "$stamp" >"$files/installed"
}

# proxy_config: which server ollama-proxy stands in front of, and the one model it lists.
proxy_config() {
    printf 'providers:\n  local:\n    api_key: none\n    base_url: %s/v1\nmodels:\n  - local/%s\n' \
        "${UPSTREAM_URL:?is the server that ollama-proxy stands in front of}" \
        "${UPSTREAM_MODEL:?is the model that ollama-proxy lists}"
}

# launch NAME COMMAND...: in a session of its own, so that a Ctrl-C in the terminal is for the
# script that asked for it; its log is DIR/NAME.log.
launch() {
    local name=$1
    shift
    (cd "$dir" && exec setsid nohup "$@" >"$dir/$name.log" 2>&1 </dev/null 9>&-) &
    echo $! >"$dir/$name.pid"
}

# start_one NAME: starts it; does not wait.
start_one() {
    local name=$1 port
    port=$(free_port)
    echo "$port" >"$dir/$name.port"
    case $name in
    llmock) launch "$name" "$files/python/bin/llmock" serve --host 127.0.0.1 --port "$port" ;;
    aimock)
        launch "$name" node "$files/node/node_modules/@copilotkit/aimock/dist/cli.js" -h 127.0.0.1 -p "$port" \
            -f "$(absolute "${AIMOCK_FIXTURES:-$ROOT/tests/conformance/fixtures}")" --log-level warn
        ;;
    ollama-proxy)
        proxy_config >"$dir/ollama-proxy.yaml"
        launch "$name" "$files/python/bin/ollama-proxy" serve --host 127.0.0.1 --port "$port" --config "$dir/ollama-proxy.yaml"
        ;;
    esac
}

# await_one NAME
await_one() {
    local name=$1 path=/health
    [ "$name" != ollama-proxy ] || path=/api/version
    wait_for "$name" 60 "$(pid "$name")" curl -fsS -m 2 "$(url "$name")$path" || {
        tail -5 "$dir/$name.log" >&2
        end_process "$(pid "$name")" "$(mark "$name")"
        die "$name did not come up: see $dir/$name.log"
    }
}

case $verb in
start)
    (umask 022 && mkdir -p "$dir")
    need_curl
    install_files
    for name in "${NAMES[@]}"; do running "$name" || start_one "$name"; done
    for name in "${NAMES[@]}"; do
        await_one "$name"
        echo "$name $(url "$name")"
    done
    ;;
stop)
    for name in "${NAMES[@]}"; do
        end_process "$(pid "$name")" "$(mark "$name")"
        rm -f "$dir/$name.pid"
    done
    ;;
status)
    code=0
    for name in "${NAMES[@]}"; do
        if running "$name"; then echo "$name $(url "$name")"; else
            echo "$name stopped"
            code=3
        fi
    done
    exit "$code"
    ;;
esac
