#!/usr/bin/env bash
# Fuzzes the places where bytes from outside come in, with libFuzzer on the stable toolchain.
#
#   fuzz.sh list                      prints the targets
#   fuzz.sh run TARGET [SECONDS]      fuzzes one for so long (default 60); ends with exit code 1 and
#                                     the input when something was found
#
# The corpus grows in target/fuzz/corpus/TARGET, findings go to target/fuzz/found/TARGET; what is in
# fuzz/seeds/TARGET is where it begins. A target may use 512 MiB, and 5 s for one input.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

targets() { for file in "$ROOT"/fuzz/fuzz_targets/*.rs; do basename "$file" .rs; done; }

case ${1:-} in
list) targets; exit 0 ;;
run) ;;
-h | --help) usage; exit 0 ;;
*) usage >&2; exit 2 ;;
esac
target=${2:-} seconds=${3:-60}
[[ " $(targets | tr '\n' ' ')" == *" $target "* ]] || die "there is no target \"$target\": see $0 list"
[[ $seconds =~ ^[0-9]+$ ]] || die "SECONDS has to be a number, and is \"$seconds\""
have cargo || die "there is no cargo: install Rust from https://rustup.rs and run this again."
have c++ || need_packages "a C++ compiler" g++

build=$TARGET_DIR/fuzz
corpus=$build/corpus/$target found=$build/found/$target
mkdir -p "$corpus" "$found"
# What `cargo fuzz` sets, without what only a nightly compiler takes: coverage by counters in the
# code, and no address sanitizer, which code without `unsafe` needs least.
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"
say "building the target $target; the first time takes some minutes"
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS=$coverage cargo build --quiet --release --manifest-path "$ROOT/fuzz/Cargo.toml" \
    --target "$host" --target-dir "$build" --bin "$target"
say "fuzzing $target for $seconds s"
"$build/$host/release/$target" -max_total_time="$seconds" -rss_limit_mb=512 -timeout=5 -max_len=65536 \
    -print_final_stats=1 -artifact_prefix="$found/" "$corpus" "$ROOT/fuzz/seeds/$target"
