#!/usr/bin/env bash
# How many applications a minute the operator brings to their end, against a bare client that writes the same objects; on
# fake nodes, so that the machine is the API server's and the operator's. The last line is JSON.
# PROFILE=dev measures what `make build` made; else the operator and the client are built as they are published.
# shellcheck source-path=SCRIPTDIR
: "${ONAGER_CLUSTER:=onager-bench}" "${NODES:=1}" "${FAKE_NODES:=4}"
source "$(dirname "$0")/scale.sh"
scale_up
say "in turn: a bare client, the operator, a bare client"
ONAGER_E2E_CLUSTER=$CLUSTER "$BINARIES/bench-throughput" "$@"
