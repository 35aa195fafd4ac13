#!/usr/bin/env bash
# How fast the webhook answers on one core, without a cluster: an operator that waits to lead is asked over TLS, first one
# question at a time, then as many as it can take. The last line is JSON.
# PROFILE=dev measures what `make build` made; else the operator and who asks are built as they are published.
# shellcheck source-path=SCRIPTDIR
: "${PROFILE:=release}"
source "$(dirname "$0")/../k3d/lib.sh"
cargo_build_operator
"$BINARIES/bench-webhook" "$@"
