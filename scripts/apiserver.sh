#!/usr/bin/env bash
# Holds helm/terrace to a real API server of Kubernetes, which it builds, starts on 127.0.0.1 and stops.
#
#   apiserver.sh           installs, upgrades, tests, rolls back and uninstalls every example with Helm 3 and
#                          Helm 4 in namespaces that enforce Pod Security `restricted`, with the CRDs of
#                          cert-manager, KEDA, the Prometheus operator and the Gateway API; hooks too
#   apiserver.sh --serve   only serves, and prints the kubeconfig's path, until it is interrupted
#
# There is no node: objects and pods are judged and stored, nothing is scheduled and nothing runs.
# Building the server takes half an hour of one core the first time: this is no part of .ci/run. Tools
# go to target/tools.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
-h | --help) usage; exit 0 ;;
"" | --serve) ;;
*) usage >&2; exit 2 ;;
esac
cd "$ROOT"
need_curl
python=$(scripts/tools.sh python-chart)
helm3=$(scripts/tools.sh helm3)
apiserver=$(scripts/tools.sh apiserver)
crds=$(scripts/tools.sh crds)
options=(--helm3 "$helm3")
for one in $crds; do options+=(--module "$one"); done

data=$(mktemp -d "${TMPDIR:-/tmp}/terrace-apiserver.XXXXXX")
port=$(free_port)
on_end "end_group; rm -rf '$data'"
say "starting an API server on port $port"
start_group "$apiserver" "$data" "$port" 2>"$data/log"
if ! wait_for "the API server" 180 "$GROUP" curl -fsk "https://127.0.0.1:$port/readyz"; then
    tail -20 "$data/log" >&2
    die "the API server did not start: see above."
fi
if [ "${1:-}" = --serve ]; then
    echo "$data/kubeconfig"
    wait "$GROUP"
else
    export PYTHONDONTWRITEBYTECODE=1
    "$python" scripts/chart/cluster.py --kubeconfig "$data/kubeconfig" "${options[@]}"
fi
