#!/usr/bin/env bash
# How many pods a second come to be bound when they are gangs of several sizes, against a bare client that makes the same pods
# bound, and kube-scheduler that binds them one by one; on a thousand fake nodes. The last line is JSON.
# PROFILE=dev measures what `make build` made; else the operator and the client are built as they are published.
# shellcheck source-path=SCRIPTDIR
: "${ONAGER_CLUSTER:=onager-bench}" "${NODES:=1}" "${FAKE_NODES:=1000}"
# A thousand nodes that tell twice in eight seconds that they live would be most of what is written.
: "${PATIENCE:=80}"
source "$(dirname "$0")/scale.sh"
scale_up
say "in turn: a bare client, kube-scheduler, the operator with gangs of several sizes, a bare client"
ONAGER_E2E_CLUSTER=$CLUSTER "$BINARIES/bench-gang" "$@"
