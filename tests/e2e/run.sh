#!/usr/bin/env bash
# All tests, those on a real cluster included: brings a cluster of three nodes up, and takes it down however they end.
# Arguments go to cargo test: `run.sh --test e2e refuses::` runs a part. ONAGER_KEEP=1 keeps the cluster for a look.
# shellcheck source-path=SCRIPTDIR
: "${ONAGER_CLUSTER:=onager-e2e}" "${NODES:=3}"
source "$(dirname "$0")/ground.sh"

tools
# Beside the tests its build would take their time.
use_tools prometheus kwok
leave_in_any_case
cluster_up
install_operator
example_data
STANDS=yes
say "cargo test"
# Many of the tests wait for something most of the time. Errors say where they come from without a backtrace.
# Properties are tried on the same cases each time, so that a red run is about the change; `make soak` looks for new ones.
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-20}
export ONAGER_E2E_CLUSTER=$CLUSTER RUST_TEST_THREADS=${RUST_TEST_THREADS:-4} RUST_LIB_BACKTRACE=${RUST_LIB_BACKTRACE:-0}
cargo test --quiet --no-fail-fast --workspace "$@"
say "all tests passed"
