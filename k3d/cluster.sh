#!/usr/bin/env bash
# The dev cluster, of either kind, with the same commands: k3d where a Docker engine runs, else native.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"
KIND=$(kind)

usage() {
    cat <<EOF
usage: cluster.sh COMMAND
  start          make the cluster, or start it again
  stop           stop it; its data is kept
  restart        stop, then start
  status         nodes, and pods that are not well
  logs [NAME]    the operator's log; with a NAME that of a part of the cluster
  shell          a shell whose kubectl and helm speak to the cluster
  scale N        N nodes
  load FILE...   bring image archives into every node
  kubeconfig     print the path of the kubeconfig
  info           kind, paths, how to reach things
  cleanup        remove everything
This machine gets the kind: $KIND (ONAGER_KIND=native or k3d decides otherwise)
EOF
}


k3d_exists() { k3d cluster list "$CLUSTER" >/dev/null 2>&1; }

# Without NODES: as many as it has, or two. Without NODE_CPUS each node has all of the machine's.
start_native() { native up ${NODES:+--nodes "$NODES"} ${NODE_CPUS:+--cpus "$NODE_CPUS"}; }
start_k3d() {
    use_kubectl
    if k3d_exists; then k3d cluster start "$CLUSTER"; else k3d cluster create "$CLUSTER" --config "$REPO/k3d/config.yaml"; fi
    kube apply -f "$REPO/k3d/minio.yaml"
    kube -n minio rollout status deployment/minio --timeout 180s
}

stop_native() { native stop; }
stop_k3d() { k3d cluster stop "$CLUSTER"; }

cleanup_native() { native down; }
cleanup_k3d() { k3d cluster delete "$CLUSTER"; rm -f "$CACHE/kubeconfig-$CLUSTER"; }

load_native() { native load "$@"; }
load_k3d() { k3d image import --cluster "$CLUSTER" "$@"; }

# A node that was added has none of the images yet.
load_what_is_built() {
    local archive archives=()
    while read -r archive; do [ ! -e "$archive" ] || archives+=("$archive"); done < <("$REPO/k3d/images.sh" list)
    [ ${#archives[@]} -eq 0 ] || "load_$KIND" "${archives[@]}"
}

kubeconfig_native() { native kubeconfig; }
kubeconfig_k3d() { k3d kubeconfig write "$CLUSTER" --output "$CACHE/kubeconfig-$CLUSTER"; }

scale_native() { native up --nodes "$1"; }
scale_k3d() {
    local have
    use_kubectl
    # The server is a node too.
    have=$(k3d node list --no-headers | awk -v c="k3d-$CLUSTER-" 'index($1, c) == 1 && ($2 == "server" || $2 == "agent")' | wc -l)
    while [ "$have" -lt "$1" ]; do
        k3d node create "$CLUSTER-extra-$have" --cluster "$CLUSTER" --role agent --wait
        have=$((have + 1))
    done
    while [ "$have" -gt "$1" ]; do
        local last
        last=$(k3d node list --no-headers | awk -v c="k3d-$CLUSTER-" 'index($1, c) == 1 && $2 == "agent" {print $1}' | sort | tail -1)
        [ -n "$last" ] || fail "only the server is left"
        kube delete node "$last" --ignore-not-found
        k3d node delete "$last"
        have=$((have - 1))
    done
}

part_log_native() { native logs "$1"; }
part_log_k3d() { docker logs --tail 200 "$1"; }

kube() { KUBECONFIG=$(kubeconfig_"$KIND") kubectl "$@"; }

status() {
    kube get nodes
    echo
    kube get pods --all-namespaces --field-selector=status.phase!=Running,status.phase!=Succeeded
}

info() {
    cat <<EOF
cluster      $CLUSTER ($KIND)
kubeconfig   $(kubeconfig_"$KIND")
images       $IMAGES
programs     $BINARIES
object store http://minio.minio.svc:9000 from inside; buckets lake, bucket, warehouse, output
from here    kubectl -n minio port-forward service/minio 9000
EOF
    kube cluster-info | head -1
}

command=${1:-help}
[ $# -gt 0 ] && shift
case $command in
    start | stop | cleanup) "${command}_$KIND" ;;
    restart) "stop_$KIND"; "start_$KIND" ;;
    load) "load_$KIND" "$@" ;;
    kubeconfig) "kubeconfig_$KIND" ;;
    scale) [[ ${1:-} =~ ^[1-9][0-9]*$ ]] || fail "usage: cluster.sh scale N"; "scale_$KIND" "$1"; load_what_is_built ;;
    status | info) use_kubectl; "$command" ;;
    logs)
        if [ $# -gt 0 ]; then "part_log_$KIND" "$1"; exit; fi
        use_kubectl
        kube -n onager-system logs deployment/onager --tail 200
        ;;
    shell)
        use_kubectl
        use_tools helm
        KUBECONFIG=$(kubeconfig_"$KIND") exec "${SHELL:-/bin/bash}" -i
        ;;
    help | -h | --help) usage ;;
    *) usage >&2; exit 2 ;;
esac
