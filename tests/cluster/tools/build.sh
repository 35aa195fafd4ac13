#!/usr/bin/env bash
# Builds the Go programs of the native cluster into $ONAGER_CACHE/tools/<module>-<key>/, once per go.sum.
# Usage: build.sh MODULE...   Prints the folder of each module on standard output; progress goes to standard error.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${ONAGER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/onager}
kubernetes=v1.35.4
version=k8s.io/component-base/version
stamp="-X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=35"

for module in "$@"; do
    # A file `tags` holds build tags that leave out what nobody here needs.
    tags=$(cat "$here/$module/tags" 2>/dev/null || true)
    key=$( (cat "$here/$module/go.mod" "$here/$module/go.sum" "$here/$module/tools.go"; printf %s "$tags") | sha256sum | cut -c1-12)
    out=$cache/tools/$module-$key
    if [ ! -e "$out/.complete" ]; then
        mkdir -p "$cache/tools"
        exec 9>"$cache/tools/$module.lock"
        flock 9
        if [ ! -e "$out/.complete" ]; then
            started=$SECONDS
            echo "building $module (once) ..." >&2
            mains=$(sed -n 's/^.*_ "\(.*\)"$/\1/p' "$here/$module/tools.go")
            rm -rf "$out.partial" && mkdir -p "$out.partial"
            # shellcheck disable=SC2086 # one argument per package is meant
            (cd "$here/$module" && CGO_ENABLED=0 GOFLAGS=-mod=mod go build ${tags:+-tags "$tags"} -trimpath -ldflags "-s -w $stamp" -o "$out.partial/" $mains) >&2
            touch "$out.partial/.complete"
            rm -rf "$out" && mv "$out.partial" "$out"
            echo "building $module: done in $((SECONDS - started)) s" >&2
        fi
        exec 9>&-
    fi
    echo "$out"
done
