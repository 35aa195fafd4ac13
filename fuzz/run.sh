#!/usr/bin/env bash
# Puts the admission rules before bytes that nobody expects, for FUZZ seconds (300). It begins with the manifests of this tree;
# what it finds is kept from run to run. An input that breaks something is left in fuzz/artifacts and ends it.
# shellcheck source-path=SCRIPTDIR/../k3d
source "$(dirname "$0")/../k3d/lib.sh"
cd "$REPO"

command -v cargo-fuzz >/dev/null || fail "cargo-fuzz is not installed: cargo install cargo-fuzz"
corpus=$CACHE/fuzz/rules
mkdir -p "$corpus"

say "manifests to begin with"
take_over_target
cargo build --quiet --workspace --bin onager
# One that is a template of another program's is no YAML.
mapfile -t manifests < <(grep -lE '^kind: (Scheduled)?SparkApplication' -r tests/e2e/data examples --include='*.yaml' | xargs grep -L '{[A-Z]')
{ "$BINARIES/onager" convert --output json "${manifests[@]}" 2>/dev/null || true; } |
    split --lines=1 --additional-suffix=.json - "$corpus/manifest-"

# A stable compiler will do: the rules are safe Rust, which an address sanitizer would only slow down.
say "cargo fuzz"
export CARGO_TARGET_DIR=$CARGO_TARGET_DIR/fuzz
cargo fuzz run rules --fuzz-dir fuzz --sanitizer none --target x86_64-unknown-linux-gnu "$corpus" -- \
    -max_len=65536 -timeout=5 -max_total_time="${FUZZ:-300}"
