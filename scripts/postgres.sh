#!/usr/bin/env bash
# A private PostgreSQL: its own data folder, unix socket and loopback port, nothing shared with
# a server that the system may run.
#
#   postgres.sh start  [DIR]   installs PostgreSQL if needed, creates DIR if needed, starts the
#                              server, prints its URL; starting twice is fine
#   postgres.sh stop   [DIR]   stops it; stopping twice is fine
#   postgres.sh status [DIR]   prints "running URL", or "stopped" with exit code 3
#   postgres.sh clean  [DIR]   stops it and removes DIR
#
# DIR defaults to the folder "postgres" in TERRACE_DATA, that to /var/lib/terrace for root and
# ~/.local/share/terrace for others. PostgreSQL refuses to run as root, so for root it runs as
# the user postgres (else nobody), who must be able to reach DIR.
#
# PGFSYNC=off trades durability for speed: for tests. PGPORT_WANTED asks for a port; the default
# is the one of the last start if it is free, else any. PGBIN is the folder of initdb and pg_ctl.
# PGSTANDBY_OF is the DIR of a running server: a DIR that is created becomes a hot standby of it.
#
# The URL holds the password of this cluster, made at random and kept in DIR/password (0600).
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
start | stop | status | clean) verb=$1 ;;
-h | --help) usage; exit 0 ;;
*) usage >&2; exit 2 ;;
esac
[ $# -le 2 ] || die "one folder at most: see --help"
dir=$(absolute "${2:-${TERRACE_DATA:-$(default_data_dir)}/postgres}")
data=$dir/data

# The caller's own settings must not reach this cluster.
unset PGDATA PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGSERVICE PGOPTIONS PGSSLMODE
export LC_ALL=C

os_user=
if [ "$(id -u)" = 0 ]; then
    os_user=$(id -un postgres 2>/dev/null || echo nobody)
fi

# unprivileged COMMAND...: as the user that owns the cluster.
unprivileged() {
    if [ -n "$os_user" ]; then
        (cd / && exec setpriv --reuid "$os_user" --regid "$(id -g "$os_user")" --clear-groups "$@")
    else
        "$@"
    fi
}

# find_bin: the folder of the server's programs; that of the cluster's version when it has one.
find_bin() {
    local version=
    [ ! -s "$data/PG_VERSION" ] || version=$(cat "$data/PG_VERSION")
    if [ -n "${PGBIN:-}" ]; then
        echo "$PGBIN"
    elif [ -n "$version" ] && [ -x "/usr/lib/postgresql/$version/bin/initdb" ]; then
        echo "/usr/lib/postgresql/$version/bin"
    else
        # A machine with the client alone has such folders too, but no initdb in them.
        find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/initdb' -printf '%h\n' 2>/dev/null |
            sort -V | tail -1 | grep . || { have initdb && dirname "$(readlink -f "$(command -v initdb)")"; } || true
    fi
}

# install_server: Debian's package would create and start a cluster of the system's own, which
# nobody asked for, so that is switched off while it is installed.
install_server() {
    local drop_in=/etc/postgresql-common/createcluster.d/terrace-install.conf
    if [ ! -e /etc/postgresql-common/createcluster.conf ] && have apt-get; then
        as_root mkdir -p "$(dirname "$drop_in")" || true
        echo 'create_main_cluster = false' | as_root tee "$drop_in" >/dev/null || true
    fi
    need_packages "PostgreSQL" postgresql
    as_root rm -f "$drop_in" || true
    [ "$(id -u)" != 0 ] || os_user=$(id -un postgres 2>/dev/null || echo nobody)
}

bin=$(find_bin)

running() { [ -s "$data/postmaster.pid" ] && [ -n "$bin" ] && unprivileged "$bin/pg_ctl" -D "$data" status >/dev/null 2>&1; }

url() {
    printf 'postgresql://terrace:%s@127.0.0.1:%s/terrace\n' "$(cat "$dir/password")" "$(sed -n 4p "$data/postmaster.pid")"
}

prepare_dir() {
    (umask 022 && mkdir -p "$dir")
    if [ -n "$os_user" ]; then chown "$os_user" "$dir"; fi
    chmod 700 "$dir"
    unprivileged test -w "$dir" && return
    rmdir "$dir" 2>/dev/null || true
    die "the user ${os_user:-$(id -un)} cannot reach $dir: choose a folder whose parents are open to all, as /var/lib/terrace."
}

create_cluster() {
    local sync=()
    [ "${PGFSYNC:-on}" != off ] || sync=(--no-sync)
    say "creating a database cluster in $dir"
    unprivileged rm -rf "$data" "$data.new"
    (umask 077 && python3 -c 'import secrets; print(secrets.token_hex(16))' >"$dir/password")
    if [ -n "$os_user" ]; then chown "$os_user" "$dir/password"; fi
    unprivileged "$bin/initdb" -D "$data.new" -U terrace -E UTF8 --locale=C "${sync[@]}" --pwfile="$dir/password" \
        --auth-local=trust --auth-host=scram-sha-256 >"$dir/initdb.log" 2>&1 || {
        tail -15 "$dir/initdb.log" >&2
        unprivileged rm -rf "$data.new"
        die "initdb failed: the lines above say why."
    }
    unprivileged mv "$data.new" "$data"
}

# copy_cluster: the standby's name is what a primary calls it by in synchronous_standby_names. The
# file system is synced at once and not file by file, which are a thousand waits for the disk.
copy_cluster() {
    local of
    of=$(absolute "$PGSTANDBY_OF")
    say "copying the database cluster in $of to $dir"
    unprivileged rm -rf "$data" "$data.new"
    install -m 600 ${os_user:+-o "$os_user"} "$of/password" "$dir/password"
    PGPASSWORD=$(cat "$dir/password") unprivileged "$bin/pg_basebackup" -D "$data.new" -R -X stream -c fast --no-sync \
        -d "host=127.0.0.1 port=$(sed -n 4p "$of/data/postmaster.pid") user=terrace application_name=standby" \
        >"$dir/initdb.log" 2>&1 || {
        tail -15 "$dir/initdb.log" >&2
        unprivileged rm -rf "$data.new"
        die "pg_basebackup failed: the lines above say why."
    }
    [ "${PGFSYNC:-on}" = off ] || sync -f "$data.new"
    unprivileged mv "$data.new" "$data"
}

launch() {
    local port=$1 fsync=${PGFSYNC:-on} socket="-k '$dir'"
    # A socket's path is limited to 107 bytes; without it the loopback port remains.
    [ ${#dir} -le 85 ] || socket="-c unix_socket_directories=''"
    unprivileged "$bin/pg_ctl" -D "$data" -l "$dir/postgres.log" -w -t 60 -s start -o \
        "-p $port $socket -c listen_addresses=127.0.0.1 -c fsync=$fsync -c synchronous_commit=$fsync -c full_page_writes=$fsync -c max_connections=200"
}

start_server() {
    local port try
    port=${PGPORT_WANTED:-$(cat "$dir/port" 2>/dev/null || echo 0)}
    for try in 1 2 3; do
        if [ "$port" = 0 ] || ! port_is_free "$port"; then
            [ -z "${PGPORT_WANTED:-}" ] || die "port $PGPORT_WANTED is taken: leave PGPORT_WANTED empty to have a free one chosen."
            port=$(free_port)
        fi
        if launch "$port" >&2; then
            echo "$port" >"$dir/port"
            return
        fi
        tail -5 "$dir/postgres.log" >&2 || true
        say "PostgreSQL did not start on port $port (try $try of 3)"
        port=0
    done
    die "PostgreSQL does not start: see $dir/postgres.log"
}

ensure_database() {
    local psql=("$bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -U terrace -h 127.0.0.1 -p "$(sed -n 4p "$data/postmaster.pid")" -d postgres)
    export PGPASSWORD
    PGPASSWORD=$(cat "$dir/password")
    [ "$("${psql[@]}" -c "select count(*) from pg_database where datname = 'terrace'")" = 1 ] ||
        "${psql[@]}" -c 'create database terrace'
}

stop_server() {
    if running; then unprivileged "$bin/pg_ctl" -D "$data" -m "$1" -w -t 60 -s stop >&2; fi
}

case $verb in
start)
    if ! running; then
        [ -n "$bin" ] || { install_server && bin=$(find_bin); }
        [ -n "$bin" ] || die "PostgreSQL was installed but no initdb is found: set PGBIN to its folder."
        prepare_dir
        if [ ! -s "$data/PG_VERSION" ]; then
            if [ -n "${PGSTANDBY_OF:-}" ]; then copy_cluster; else create_cluster; fi
        fi
        case $bin in
        */"$(cat "$data/PG_VERSION")"/bin) ;;
        *) [ "$("$bin/postgres" -V | sed -E 's/[^0-9]*([0-9]+).*/\1/')" = "$(cat "$data/PG_VERSION")" ] ||
            die "$dir was made by PostgreSQL $(cat "$data/PG_VERSION"), which is not installed any more: install postgresql-$(cat "$data/PG_VERSION"), or remove $dir and lose its data." ;;
        esac
        start_server
    fi
    ensure_database
    url
    ;;
stop) stop_server fast ;;
status)
    if running; then echo "running $(url)"; else
        echo stopped
        exit 3
    fi
    ;;
clean)
    stop_server immediate
    if [ -e "$dir" ]; then
        [ -e "$data" ] || [ -e "$dir/password" ] || die "$dir holds no database cluster: left alone."
        rm -rf "$dir"
    fi
    ;;
esac
