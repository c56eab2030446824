#!/usr/bin/env bash
# Builds `terrace` as the images ship it: optimised for the way it is used (profile-guided).
#
#   profiled.sh             builds target/profiled/terrace, and terrace-load beside it
#   profiled.sh --static    the same without a library at run time, for an image from scratch
#
# Three steps: a build that counts what it does, the load bench with it (a PostgreSQL of its own, three
# minutes), and the build that is told the counts. From nothing that takes 40 minutes on two cores and
# 4 GB of disk. Counts are of one compiler and one version of the code: nothing of them is kept in git.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# For the last crate alone: what it depends on is as in every other build.
link=()
case ${1:-} in
'') ;;
--static) link=(-- -C target-feature=+crt-static) ;;
-h | --help) usage; exit 0 ;;
*) usage >&2; exit 2 ;;
esac
have cargo || die "there is no cargo: install Rust from https://rustup.rs and run this again."

host=$(rustc -vV | sed -n 's/^host: //p')
build=$TARGET_DIR/profiled
counts=$build/counts

# merger: the tool that adds the counts of processes up; of the compiler's own LLVM, whose format it is.
merger() {
    local major own
    major=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
    own=$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata
    [ -x "$own" ] || have "llvm-profdata-$major" || ! have rustup || rustup component add llvm-tools >&2 || true
    if [ -x "$own" ]; then
        echo "$own"
    else
        have "llvm-profdata-$major" || need_packages "llvm-profdata" "llvm-$major"
        echo "llvm-profdata-$major"
    fi
}

# compile FOLDER FLAG: builds terrace with a flag of the compiler for all crates.
compile() {
    RUSTFLAGS=$2 cargo rustc --quiet --locked --profile dist -p terrace-cli --bin terrace \
        --manifest-path "$ROOT/Cargo.toml" --target "$host" --target-dir "$build/$1" "${link[@]}"
}

merge=$(merger)
say "1 of 3: building what counts"
rm -rf "$counts"
compile counting "-Cprofile-generate=$counts"
cargo build --quiet --locked --profile dist -p terrace-load --manifest-path "$ROOT/Cargo.toml"
cp "$TARGET_DIR/dist/terrace-load" "$build/counting/$host/dist/"

say "2 of 3: three minutes of the load bench"
(cd "$ROOT" && "$build/counting/$host/dist/terrace-load" overhead --rounds 1 --seconds 2 \
    --only terrace,terrace-whole,terrace-relaxed,terrace-split-whole) >"$build/bench.md"
"$merge" merge -o "$build/new.profdata" "$counts"
# Named by what is in it: cargo builds anew when a flag has changed, and looks at no file behind one.
profile=$build/$(cksum <"$build/new.profdata" | cut -d' ' -f1).profdata
find "$build" -maxdepth 1 -name '[0-9]*.profdata' -delete
mv "$build/new.profdata" "$profile"

say "3 of 3: building what has been told the counts"
compile told "-Cprofile-use=$profile"
cp "$build/told/$host/dist/terrace" "$TARGET_DIR/dist/terrace-load" "$build/"
say "built $build/terrace"
