#!/usr/bin/env bash
# Packs the binaries into images FROM scratch, each from its Dockerfile: with docker on k3d, with buildah elsewhere
# (onager-cluster build-image).
# Usage: images.sh [build|list] [IMAGE...]   build is the default; list prints the archives of the native kind, one a line.
# Without an IMAGE, such as onager/operator, all of them.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"

# Image, its binary, its Dockerfile.
TABLE="onager/operator onager-operator operator/Dockerfile
onager/engine onager-engine engine/Dockerfile
onager/example-pi pi examples/teams/beta/pi/Dockerfile
onager/example-data onager-data examples/data/Dockerfile"

# The rows of the images that were asked for.
rows() { # [image...]
    local image
    if [ $# -eq 0 ]; then echo "$TABLE"; fi
    for image in "$@"; do grep "^$image " <<<"$TABLE" || fail "no image $image"; done
}

archive_of() { echo "$IMAGES/${1//\//-}.tar"; }

# A folder with the stripped binary and the machine's certificates.
context() { # image binary -> folder
    local folder=$IMAGES/${1//\//-}
    rm -rf "$folder" && mkdir -p "$folder"
    strip -s -o "$folder/$2" "$BINARIES/$2"
    chmod 0755 "$folder/$2"
    cp -L /etc/ssl/certs/ca-certificates.crt "$folder/"
    echo "$folder"
}

build() { # image binary dockerfile
    local archive folder
    archive=$(archive_of "$1")
    [ -e "$BINARIES/$2" ] || fail "$BINARIES/$2 is missing: run make build"
    if [ "$archive" -nt "$BINARIES/$2" ] && [ "$archive" -nt "$REPO/$3" ]; then
        return 0
    fi
    folder=$(context "$1" "$2")
    if [ "$(kind)" = k3d ]; then
        docker build --quiet --file "$REPO/$3" --tag "$1:$TAG" "$folder" >/dev/null
        docker save --output "$archive" "$1:$TAG"
    else
        native build-image "$1:$TAG" "$REPO/$3" "$folder" "$archive"
    fi
    # Also when the binary was linked anew and is the same.
    touch "$archive"
    say "image $1:$TAG, $(du -h "$folder/$2" | cut -f1)"
    rm -rf "$folder"
}

mkdir -p "$IMAGES"
# A test run and a demo may come here at the same time.
exec 9>"$IMAGES/.lock"
flock 9
action=${1:-build}
[ $# -eq 0 ] || shift
case $action in
    build) rows "$@" | while read -r image binary dockerfile; do build "$image" "$binary" "$dockerfile"; done ;;
    list) rows "$@" | while read -r image _; do archive_of "$image"; done ;;
    *) fail "usage: images.sh [build|list] [IMAGE...]" ;;
esac
