#!/usr/bin/env bash
# Checks helm/terrace and deploy/ without a cluster.
#
#   chart.sh           renders every example under Helm 3 and Helm 4, lints it, holds it to the strict
#                      schemas of three versions of Kubernetes and to the CRDs of cert-manager, KEDA,
#                      the Prometheus operator and the Gateway API and to Pod Security `restricted`,
#                      sees whether its parts fit together and whether Terrace understands the
#                      config in it, compares it with the committed rendering, and sees wrong values
#                      refused; then the Dockerfile, the compose files, the expressions of the
#                      dashboards, and the alert rules with their tests
#   chart.sh --write   writes the committed renderings anew
#
# Tools go to target/tools. The terrace command is that of target/debug, or TERRACE=PATH.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
-h | --help) usage; exit 0 ;;
"" | --write) ;;
*) usage >&2; exit 2 ;;
esac
cd "$ROOT"
python=$(scripts/tools.sh python-chart)
helm3=$(scripts/tools.sh helm3)
promtool=$(scripts/tools.sh promtool)
terrace=${TERRACE:-$TARGET_DIR/debug/terrace}
[ -x "$terrace" ] || cargo build --quiet -p terrace-cli --bin terrace

modules=()
crds=$(scripts/tools.sh crds)
compose_spec=$(scripts/tools.sh go-module github.com/compose-spec/compose-go/v2@v2.16.2)
for one in $crds "compose-spec=$compose_spec"; do modules+=(--module "$one"); done

export PYTHONDONTWRITEBYTECODE=1
"$python" scripts/chart/broken.py
"$python" scripts/chart/check.py --helm3 "$helm3" --terrace "$terrace" "${modules[@]}" "$@"
"$python" scripts/chart/compose.py --terrace "$terrace" "${modules[@]}"
"$(dirname "$python")/hadolint" deploy/Dockerfile
"$promtool" check config deploy/prometheus/prometheus.yaml >&2
"$python" scripts/chart/pod_objects.py | (cd scripts/chart/podsecurity && go run .)
expressions=$(mktemp)
on_end "rm -f '$expressions'"
"$python" scripts/chart/observed.py >"$expressions"
"$promtool" check rules "$expressions" >&2
(cd deploy/prometheus && "$promtool" test rules rules_test.yaml >&2)
