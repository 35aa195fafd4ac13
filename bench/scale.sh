# What benchmarks of scale share: a cluster with fake nodes, and the operator alone, as it is published. To be sourced after
# ONAGER_CLUSTER, NODES and FAKE_NODES are set.
# shellcheck shell=bash
export PROFILE=${PROFILE:-release}
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../tests/e2e/ground.sh"

scale_up() {
    [ "$(id -u)" = 0 ] || fail "the native cluster makes network namespaces: run as root"
    install_packages
    use_tools etcd kubernetes coredns minio helm kwok
    # Fake nodes run nothing.
    cargo_build_operator
    k3d/images.sh build onager/operator
    leave_in_any_case
    native down
    say "cluster $CLUSTER with $FAKE_NODES fake nodes"
    native up --nodes "$NODES" --no-addons --patience "${PATIENCE:-8}"
    native fake "$FAKE_NODES"
    KUBECONFIG=$(native kubeconfig)
    export KUBECONFIG
    native load "$(k3d/images.sh list onager/operator)"
    # Nothing is limited but by the machine.
    install_operator --set resources.limits=null
    STANDS=yes
}
