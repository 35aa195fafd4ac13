#!/usr/bin/env bash
# Installs the Debian packages that the native cluster and its images need, where they are missing. Needs root.
set -euo pipefail
packages=(
    containerd runc containernetworking-plugins
    iproute2 iptables nftables conntrack socat util-linux mount
    buildah skopeo gcc libc6-dev
)

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "missing Debian packages: ${missing[*]}; run this script with sudo" >&2
    exit 1
fi
echo "installing: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet --quiet
# The cluster starts a containerd of its own for each node: the machine's is not to be started by its installation.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get install --quiet --yes --no-install-recommends "${missing[@]}"
