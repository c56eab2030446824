#!/usr/bin/env bash
# A private Valkey, or Redis where there is no Valkey: its own data folder and loopback port,
# nothing shared with a server that the system may run. It keeps nothing on disk.
#
#   valkey.sh start  [DIR]   installs the server if needed, creates DIR if needed, starts it,
#                            prints its URL; starting twice is fine
#   valkey.sh stop   [DIR]   stops it; stopping twice is fine
#   valkey.sh status [DIR]   prints "running URL", or "stopped" with exit code 3
#   valkey.sh clean  [DIR]   stops it and removes DIR
#
# DIR defaults to the folder "valkey" in TERRACE_DATA, that to /var/lib/terrace for root and
# ~/.local/share/terrace for others. VALKEY_SERVER names the program if it is not on the PATH.
#
# The URL holds the password of this server, made at random and kept in DIR/password (0600).
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
start | stop | status | clean) verb=$1 ;;
-h | --help) usage; exit 0 ;;
*) usage >&2; exit 2 ;;
esac
[ $# -le 2 ] || die "one folder at most: see --help"
dir=$(absolute "${2:-${TERRACE_DATA:-$(default_data_dir)}/valkey}")

# The server shows "PROGRAM 127.0.0.1:PORT" as its command line once it is up, so a process is
# told from others by that.
pid() { cat "$dir/server.pid" 2>/dev/null || true; }
mark() { echo "127.0.0.1:$(cat "$dir/port" 2>/dev/null)"; }
running() { is_process "$(pid)" "$(mark)"; }
url() { printf 'redis://:%s@127.0.0.1:%s/0\n' "$(cat "$dir/password")" "$(cat "$dir/port")"; }

find_server() {
    local name
    for name in "${VALKEY_SERVER:-}" valkey-server redis-server; do
        if [ -n "$name" ] && have "$name"; then
            command -v "$name"
            return
        fi
    done
}

# install_server: Debian's packages would start a server of the system's own, which nobody asked
# for; a policy that says no keeps them from it while they are installed.
install_server() {
    local policy=/usr/sbin/policy-rc.d package=redis-server ours=
    ! apt-cache show valkey-server >/dev/null 2>&1 || package=valkey-server
    if [ ! -e "$policy" ] && have apt-get; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null && ours=yes
        as_root chmod 755 "$policy"
    fi
    need_packages "Valkey" "$package"
    [ -z "$ours" ] || as_root rm -f "$policy"
}

# supports: whether the server has what the orchestrator uses; Redis has it from version 7 on.
supports() {
    local major
    major=$("$1" --version | sed -nE 's/.*v=([0-9]+)\..*/\1/p')
    [ "${major:-0}" -ge 7 ] || die "$1 is version ${major:-unknown}: Terrace needs Valkey, or Redis 7."
}

# settings PORT: read from standard input, so that the password is in no command line.
settings() {
    printf '%s\n' "bind 127.0.0.1" "port $1" "requirepass $(cat "$dir/password")" "dir $dir" 'save ""' \
        "appendonly no" "maxmemory 256mb" "maxmemory-policy allkeys-lru" "logfile $dir/server.log"
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'PING\r\n' >&3 && read -r -t 1 _ <&3); }

start_server() {
    local server=$1 port try
    port=$(cat "$dir/port" 2>/dev/null || echo 0)
    for try in 1 2 3; do
        if [ "$port" = 0 ] || ! port_is_free "$port"; then port=$(free_port); fi
        settings "$port" | (cd "$dir" && exec setsid "$server" - >>"$dir/server.log" 2>&1) &
        echo "$port" >"$dir/port"
        # The pipe's last process is the server itself.
        echo "$!" >"$dir/server.pid"
        ! wait_for "Valkey" 10 "$!" answers "$port" || return 0
        say "Valkey did not start on port $port (try $try of 3)"
        port=0
    done
    tail -5 "$dir/server.log" >&2 || true
    die "Valkey does not start: see $dir/server.log"
}

case $verb in
start)
    if ! running; then
        server=$(find_server)
        [ -n "$server" ] || { install_server && server=$(find_server); }
        [ -n "$server" ] || die "Valkey was installed but no server is found: set VALKEY_SERVER to the program."
        supports "$server"
        (umask 077 && mkdir -p "$dir")
        [ -s "$dir/password" ] || (umask 077 && python3 -c 'import secrets; print(secrets.token_hex(16))' >"$dir/password")
        start_server "$server"
    fi
    url
    ;;
stop) end_process "$(pid)" "$(mark)" ;;
status)
    if running; then echo "running $(url)"; else
        echo stopped
        exit 3
    fi
    ;;
clean)
    end_process "$(pid)" "$(mark)" 2
    if [ -e "$dir" ]; then
        [ -e "$dir/password" ] || die "$dir holds no Valkey: left alone."
        rm -rf "$dir"
    fi
    ;;
esac
