# The ground of tests and benchmarks: a native cluster of their own with the operator of this tree. To be sourced after
# ONAGER_CLUSTER, its name, and NODES are set.
# shellcheck shell=bash
export ONAGER_CLUSTER NODES ONAGER_KIND=native
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../../k3d/lib.sh"
cd "$REPO"

tools() {
    [ "$(id -u)" = 0 ] || fail "the native cluster makes network namespaces: run as root"
    install_packages
    use_tools etcd kubernetes coredns minio helm
    cargo_build
    k3d/images.sh build
}

# A cluster that an earlier run left would bring its past along.
cluster_up() {
    native down
    say "cluster $CLUSTER"
    k3d/cluster.sh start
    KUBECONFIG=$(k3d/cluster.sh kubeconfig)
    export KUBECONFIG
    say "loading images"
    local archives
    mapfile -t archives < <(k3d/images.sh list)
    k3d/cluster.sh load "${archives[@]}"
}

install_operator() { # more arguments for helm
    say "helm: the operator"
    kubectl create namespace onager-system >/dev/null
    kubectl label namespace onager-system pod-security.kubernetes.io/enforce=restricted >/dev/null
    helm upgrade --install onager charts/onager --namespace onager-system --values k3d/values-dev.yaml \
        --values tests/e2e/values.yaml "$@" --wait --timeout 180s >/dev/null
    webhook_answers onager-system
}

example_data() {
    say "the input of the examples"
    for team in examples/teams/*/; do kubectl apply --filename "$team/namespace.yaml" >/dev/null; done
    kubectl apply --filename examples/data/job.yaml >/dev/null
    kubectl --namespace onager-examples wait --for=condition=Complete job/data --timeout 600s >/dev/null
}

# What somebody who reads the log of a failed run would ask for first.
tell_what_is_there() {
    kubectl get nodes,pods --all-namespaces --output wide || true
    kubectl get events --all-namespaces --sort-by .metadata.creationTimestamp | tail -20 || true
    kubectl --namespace onager-system logs deployment/onager --tail 30 || true
    kubectl --namespace onager-examples logs job/data --tail 10 || true
}

# With ONAGER_KEEP=1 the cluster stays, to be looked at.
leave() {
    local code=$?
    trap - EXIT
    # A test that fails tells by itself.
    if [ "$code" != 0 ] && [ -z "${STANDS:-}" ]; then tell_what_is_there >&2; fi
    if [ -n "${ONAGER_KEEP:-}" ]; then
        say "the cluster stays; to remove it: ONAGER_CLUSTER=$CLUSTER k3d/cluster.sh cleanup"
    else
        native down
    fi
    exit "$code"
}
leave_in_any_case() {
    trap leave EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}
