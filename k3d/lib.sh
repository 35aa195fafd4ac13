# What the scripts here share: where things are, which kind of cluster this machine gets, and lines of progress.
# To be sourced. It changes nothing by itself.
# shellcheck shell=bash
set -euo pipefail

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CLUSTER=${ONAGER_CLUSTER:-data-platform-cluster}
CACHE=${ONAGER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/onager}
# Outside the checkout. One for each set of dependencies, so that branches do not compile each other's anew, and for each
# checkout: cargo would take another checkout's programs for this one's where they are newer than its files.
hash_of() { sha256sum | cut -c1-12; }
HERE=$(hash_of <<<"$REPO")
: "${CARGO_TARGET_DIR:=$CACHE/target-$( (cat "$REPO/Cargo.lock" 2>/dev/null; rustc -V) | hash_of)-$HERE}"
export ONAGER_CACHE=$CACHE CARGO_TARGET_DIR
# dev or release
PROFILE=${PROFILE:-dev}
BINARIES=$CARGO_TARGET_DIR/x86_64-unknown-linux-gnu/$([ "$PROFILE" = dev ] && echo debug || echo "$PROFILE")
# Folder of image archives, beside the binaries they are made of, and the tag of images.
IMAGES=$CARGO_TARGET_DIR/images-$PROFILE
TAG=${TAG:-dev}

# A line of progress with the seconds since the outermost script began.
export ONAGER_SINCE=${ONAGER_SINCE:-$EPOCHSECONDS}
elapsed() { echo $((EPOCHSECONDS - ONAGER_SINCE)); }
say() { printf '%4d s  %s\n' "$(elapsed)" "$*" >&2; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# k3d where a Docker engine runs and k3d is installed, else native. ONAGER_KIND decides otherwise.
kind() {
    if [ -n "${ONAGER_KIND:-}" ]; then
        echo "$ONAGER_KIND"
    elif command -v k3d >/dev/null && docker info >/dev/null 2>&1; then
        echo k3d
    else
        echo native
    fi
}

# Debian's packages that the native cluster stands on; returns at once when they are there.
install_packages() { "$REPO/tests/cluster/tools/install.sh"; }

# Builds Go modules once and puts their programs on the PATH, before an older kubectl or helm of the machine.
use_tools() {
    local folders
    folders=$("$REPO/tests/cluster/tools/build.sh" "$@")
    PATH=$(tr '\n' ':' <<<"$folders")$PATH
    export PATH
}

# kubectl: where k3d is, the machine's own will do.
use_kubectl() {
    if [ "$(kind)" = native ] || ! command -v kubectl >/dev/null; then use_tools kubernetes; fi
}

# A new lock file changes few crates: the checkout's last target folder is taken over when nobody builds in it, and cargo
# finds out what of it still holds. A new checkout begins with the dependencies of another, as links. Our own crates are made
# anew in either: tests have the paths of programs in them.
take_over_target() {
    local newest lock
    if [ -d "$CARGO_TARGET_DIR" ]; then return 0; fi
    newest=$(newest_target "*-$HERE")
    lock=$newest/x86_64-unknown-linux-gnu/debug/.cargo-lock
    if [ -n "$newest" ] && { [ ! -e "$lock" ] || flock --nonblock "$lock" true; }; then
        forget_own_crates "$newest"
        mv "$newest" "$CARGO_TARGET_DIR"
        return 0
    fi
    newest=$(newest_target "*")
    if [ -z "$newest" ]; then return 0; fi
    rm -rf "$CARGO_TARGET_DIR.new"
    cp --archive --link "$newest" "$CARGO_TARGET_DIR.new"
    rm -rf "$CARGO_TARGET_DIR.new"/images-*
    forget_own_crates "$CARGO_TARGET_DIR.new"
    # A lock that is a link is one for all checkouts.
    find "$CARGO_TARGET_DIR.new" -name .cargo-lock -delete
    mv "$CARGO_TARGET_DIR.new" "$CARGO_TARGET_DIR"
}

# What cargo knows of our own crates; an interrupted take-over is a rebuild, never a folder with paths of another.
forget_own_crates() { # folder
    rm -rf "$1"/{*,*/*}/.fingerprint/onager*
}

newest_target() { # pattern of what follows "target-"
    find "$CACHE" -maxdepth 1 -name "target-$1" ! -name '*.new' -printf '%T@ %p\n' 2>/dev/null | sort -rn | sed -n '1s/^[^ ]* //p'
}

# Everything at once, tests too: fewer targets would unify features otherwise and compile the dependencies again. Cargo shows
# how far it is: the first build takes a quarter of an hour.
cargo_build() { # what is built as it is published, if not all
    take_over_target
    say "cargo build ($PROFILE, in $CARGO_TARGET_DIR)"
    local what=("${@:---workspace}")
    [ "$PROFILE" != dev ] || what=(--workspace --all-targets)
    (cd "$REPO" && cargo build --profile "$PROFILE" "${what[@]}")
}

# What benchmarks measure in which no engine runs, and whoever asks it: the engine would be most of a release build.
cargo_build_operator() {
    cargo_build --bins -p onager-operator -p onager-e2e -p onager-cluster
}

# The command of the native kind, built when it is not there.
native() {
    local tool=$BINARIES/onager-cluster
    [ -x "$tool" ] || cargo_build >&2
    ONAGER_CLUSTER=$CLUSTER "$tool" "$@"
}

# A ready operator is a moment ahead of kube-proxy: whoever applies now must not be refused because nobody answers.
webhook_answers() { # namespace it is asked about
    local left=120 question
    question='{"apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication", "metadata": {"name": "is-somebody-there"}'
    question+=', "spec": {"type": "SQL", "mainApplicationFile": "local:///none.sql"}}'
    until kubectl --namespace "$1" create --dry-run=server --filename - >/dev/null 2>&1 <<<"$question"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || fail "the operator's webhook does not answer"
        sleep 0.5
    done
}
