#!/usr/bin/env bash
# Runs the pods of an example of the chart as processes: each in a network namespace with the network
# policies as its firewall, as the user and with the arguments, environment and files of its spec. The
# migration runs twice, each tier gets a request, every way between two pods is tried, and the metrics
# that dashboards and alerts name are looked for. Needs root.
#
#   pods.sh [--hold SECONDS]   stays up for so long before the end
#
# The terrace command is that of target/debug, or TERRACE=PATH; the database that of
# TERRACE_TEST_DATABASE_URL, or one that lives for this run.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in -h | --help) usage; exit 0 ;; esac
cd "$ROOT"
for tool in ip:iproute2 iptables-restore:iptables psql:postgresql-client; do
    have "${tool%%:*}" || need_packages "${tool%%:*}" "${tool##*:}"
done
python=$(scripts/tools.sh python-chart)
terrace=${TERRACE:-$TARGET_DIR/debug/terrace}
provider=${SCRIPTED_PROVIDER:-$TARGET_DIR/debug/scripted-provider}
if [ ! -x "$terrace" ] || [ ! -x "$provider" ]; then
    cargo build --quiet -p terrace-cli -p terrace-testkit --bin terrace --bin scripted-provider
fi
run_dir=$(mktemp -d "${TMPDIR:-/tmp}/terrace-pods-db.XXXXXX")
chmod 755 "$run_dir"
on_end "end_group; scripts/postgres.sh clean '$run_dir/postgres' || true; rm -rf '$run_dir'"
database=${TERRACE_TEST_DATABASE_URL:-}
[ -n "$database" ] || database=$(PGFSYNC=off scripts/postgres.sh start "$run_dir/postgres")
export PYTHONDONTWRITEBYTECODE=1
run_group "$python" scripts/chart/pods.py --terrace "$terrace" --provider "$provider" --database "$database" "$@"
