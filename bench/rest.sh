#!/usr/bin/env bash
# What ten thousand completed applications cost the operator while nothing happens: writes, memory, processor time. The last
# line is JSON. PROFILE=dev measures what `make build` made; else the operator is built as it is published.
# shellcheck source-path=SCRIPTDIR
: "${ONAGER_CLUSTER:=onager-bench}" "${NODES:=1}" "${FAKE_NODES:=4}"
source "$(dirname "$0")/scale.sh"
scale_up
say "ten thousand applications are laid down"
ONAGER_E2E_CLUSTER=$CLUSTER "$BINARIES/bench-rest" "$@"
