#!/usr/bin/env bash
# How long the smallest application takes from apply to COMPLETED, against a bare pod from apply to Succeeded, on one
# cluster in turn. The last line is JSON.
# shellcheck source-path=SCRIPTDIR
: "${ONAGER_CLUSTER:=onager-bench}" "${NODES:=2}"
source "$(dirname "$0")/../tests/e2e/ground.sh"

tools
leave_in_any_case
cluster_up
install_operator
STANDS=yes
say "in turn: a bare pod, the smallest application"
ONAGER_E2E_CLUSTER=$CLUSTER ONAGER_IMAGES=$IMAGES "$BINARIES/bench-start" "$@"
