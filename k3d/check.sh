#!/usr/bin/env bash
# What can be checked of the k3d kind without a Docker engine: each command of cluster.sh is run against stand-ins for k3d,
# docker and kubectl that note what they are called with, and the notes are compared. `make verify` runs it.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for program in k3d docker kubectl; do
    cat >"$work/$program" <<EOF
#!/bin/sh
echo "$program \$*" >>"$work/calls"
case "$program \$*" in
    "k3d cluster list"*) [ -e "$work/exists" ] ;;
    "k3d kubeconfig write"*) echo "$work/kubeconfig" ;;
    "k3d node list"*) printf 'k3d-dev-%s\n' 'server-0 server' 'agent-0 agent' 'agent-1 agent' 'serverlb loadbalancer' ;;
esac
EOF
    chmod +x "$work/$program"
done
export PATH=$work:$PATH ONAGER_CLUSTER=dev ONAGER_CACHE=$work CARGO_TARGET_DIR=$work/target

# What a command calls, without the looks that change nothing.
expect() { # arguments of cluster.sh, expected calls
    local calls
    : >"$work/calls"
    # shellcheck disable=SC2086 # arguments are words
    k3d/cluster.sh $1 >/dev/null
    calls=$(grep -vE '^(docker info|k3d (cluster list|node list|kubeconfig write))' "$work/calls" || true)
    if [ "$calls" != "$2" ]; then
        printf 'cluster.sh %s calls\n%s\nand not\n%s\n' "$1" "$calls" "$2" >&2
        exit 1
    fi
}

for script in k3d/*.sh tests/cluster/tools/*.sh .ci/run; do bash -n "$script"; done
minio="kubectl apply -f $PWD/k3d/minio.yaml
kubectl -n minio rollout status deployment/minio --timeout 180s"
expect start "k3d cluster create dev --config $PWD/k3d/config.yaml
$minio"
touch "$work/exists"
expect start "k3d cluster start dev
$minio"
expect stop "k3d cluster stop dev"
expect restart "k3d cluster stop dev
k3d cluster start dev
$minio"
expect "scale 4" "k3d node create dev-extra-3 --cluster dev --role agent --wait"
expect "scale 2" "kubectl delete node k3d-dev-agent-1 --ignore-not-found
k3d node delete k3d-dev-agent-1"
expect "load a.tar b.tar" "k3d image import --cluster dev a.tar b.tar"
expect "logs k3d-dev-server-0" "docker logs --tail 200 k3d-dev-server-0"
expect cleanup "k3d cluster delete dev"
