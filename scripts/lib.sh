# Helpers that the scripts beside this file share; sourced, never run.
#
# Progress goes to standard error, so that standard output carries a script's result alone.
# Nothing here prints colours: the lines read the same on a terminal, in a pipe and in a log.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly ROOT
# The build folder that cargo itself would use.
TARGET_DIR=${CARGO_TARGET_DIR:-$ROOT/target}
case $TARGET_DIR in /*) ;; *) TARGET_DIR=$PWD/$TARGET_DIR ;; esac
readonly TARGET_DIR

# say TEXT...: one line of progress.
say() { printf '==> %s\n' "$*" >&2; }

# die TEXT...: says what is wrong and what to do, and ends the script.
die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 2
}

have() { command -v "$1" >/dev/null 2>&1; }

# usage: prints the comment block at the head of the running script.
usage() { sed -n '2,/^[^#]/{ /^#/!d; s/^# \{0,1\}//; p; }' "$0"; }

# absolute PATH: the path as seen from /, whether it exists or not.
absolute() { case $1 in /*) printf '%s\n' "$1" ;; *) printf '%s\n' "$PWD/$1" ;; esac; }

# default_data_dir: where demos keep their data. Root's home is closed to the user that
# PostgreSQL has to run as, therefore /var/lib for root.
default_data_dir() {
    if [ "$(id -u)" = 0 ]; then
        echo /var/lib/terrace
    else
        echo "${XDG_DATA_HOME:-$HOME/.local/share}/terrace"
    fi
}

# as_root COMMAND...: runs it as root, by sudo where needed.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        return 127
    fi
}

# need_packages WHAT PACKAGE...: installs Debian packages, or says which ones are missing. Tests that need
# different ones do so at the same time, and apt-get lets one in: they take turns, and wait for others.
need_packages() {
    local what=$1 log turns
    shift
    have apt-get || die "$what is missing. Install it with your package manager (Debian calls it: $*) and run this again."
    [ "$(id -u)" = 0 ] || have sudo ||
        die "$what is missing and there is no sudo here. Have an administrator run: apt-get install $*"
    say "installing $* (for $what)"
    log=$(mktemp)
    turns=${TMPDIR:-/tmp}/terrace-packages-$(id -u).lock
    # Closed for apt-get: a service that a package starts would hold it.
    if ! { flock 7 && as_root apt-get update -qq 7>&- &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
            install -y -qq --no-install-recommends "$@" 7>&-; } 7>"$turns" >"$log" 2>&1; then
        tail -15 "$log" >&2
        rm -f "$log"
        die "apt-get could not install $*: the lines above say why."
    fi
    rm -f "$log"
}

need_curl() { have curl || need_packages "curl" curl ca-certificates; }

# free_port: a TCP port of 127.0.0.1 that nothing listens on.
free_port() {
    python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# port_is_free PORT
port_is_free() { ! (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# is_process PID TEXT: whether PID lives and its command line has TEXT, so that a number that
# was given to another process since is not taken for ours.
is_process() {
    [ -n "$1" ] && kill -0 "$1" 2>/dev/null &&
        tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF -- "$2"
}

# end_process PID TEXT [SECONDS]: asks it to end, insists after SECONDS (10), returns when gone.
end_process() {
    local pid=$1 text=$2 tenths=$((${3:-10} * 10))
    is_process "$pid" "$text" || return 0
    kill -TERM "$pid" 2>/dev/null || true
    while is_process "$pid" "$text"; do
        [ "$tenths" -gt 0 ] || {
            say "process $pid ($text) did not end when asked: killing it"
            kill -KILL "$pid" 2>/dev/null || true
            sleep 0.2
            return 0
        }
        tenths=$((tenths - 1))
        sleep 0.1
    done
}

# wait_for WHAT SECONDS PID COMMAND...: until COMMAND succeeds; fails when PID is gone or time is
# up. Says every five seconds that it still waits.
wait_for() {
    local what=$1 seconds=$2 pid=$3 tenth=0
    shift 3
    until "$@" >/dev/null 2>&1; do
        kill -0 "$pid" 2>/dev/null || return 1
        [ "$tenth" -lt $((seconds * 10)) ] || return 1
        tenth=$((tenth + 1))
        [ $((tenth % 50)) -ne 0 ] || say "still waiting for $what ($((tenth / 10)) s of at most $seconds s)"
        sleep 0.1
    done
}

# new_venv DIR: a Python environment of our own, so that nothing of the system's is changed.
new_venv() {
    [ ! -x "$1/bin/pip" ] || return 0
    have python3 || need_packages "Python 3" python3 python3-venv
    rm -rf "$1"
    if ! python3 -m venv "$1" >/dev/null 2>&1; then
        rm -rf "$1"
        need_packages "Python's venv module" python3-venv
        python3 -m venv "$1" || die "python3 -m venv $1 failed: see above."
    fi
}

# pip_install VENV NAME==VERSION HASH...: one pinned package without its dependencies, accepted
# only with one of the given sha256 sums.
pip_install() {
    local venv=$1 requirement=$2 list hash
    shift 2
    list=$(mktemp)
    printf '%s' "$requirement" >"$list"
    for hash in "$@"; do printf ' --hash=sha256:%s' "$hash" >>"$list"; done
    if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile \
        --require-hashes -r "$list" >&2; then
        rm -f "$list"
        die "pip could not install $requirement: the lines above say why."
    fi
    rm -f "$list"
}

# The process group that run_group last started; empty when it has ended.
GROUP=

# run_group COMMAND...: runs it in a process group of its own and waits for it. A signal to this
# script interrupts the wait, and end_group then ends the command with all that it started.
run_group() {
    local status=0
    start_group "$@"
    wait "$GROUP" || status=$?
    GROUP=
    return "$status"
}

# start_group COMMAND...: the same without waiting.
start_group() {
    set -m
    "$@" </dev/null &
    GROUP=$!
    set +m
}

# end_group: ends what start_group started; insists after 15 seconds.
end_group() {
    local tenths=150 group=$GROUP
    [ -n "$group" ] || return 0
    GROUP=
    kill -TERM -- "-$group" 2>/dev/null || return 0
    while kill -0 -- "-$group" 2>/dev/null; do
        # Collects the leader, which as a zombie would count as alive.
        wait "$group" 2>/dev/null || true
        [ "$tenths" -gt 0 ] || {
            say "process group $group did not end when asked: killing it"
            kill -KILL -- "-$group" 2>/dev/null || true
            return 0
        }
        tenths=$((tenths - 1))
        sleep 0.1
    done
}

# on_end COMMAND: runs COMMAND once when the script ends, however it ends short of kill -9.
on_end() {
    # shellcheck disable=SC2064 # the command is fixed now
    trap "trap '' INT TERM HUP; set +e; $1" EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
}
