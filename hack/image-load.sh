#!/bin/sh
# Puts one image into a cluster of hack/cluster: an archive file, or an image of docker, podman or buildah by its name.
set -eu

cluster=$1 image=$2 python=${PYTHON:-.venv/bin/python}

if [ -f "$image" ]; then
    exec "$python" hack/cluster load --name "$cluster" "$image"
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
archive=$folder/image.tar
if docker image inspect "$image" >/dev/null 2>&1; then
    docker save --output "$archive" "$image"
elif podman image exists "$image" 2>/dev/null; then
    podman save --format docker-archive --output "$archive" "$image"
elif buildah inspect --type image "$image" >/dev/null 2>&1; then
    buildah push "$image" "docker-archive:$archive:$image"
else
    echo "error: there is no file and no image of docker, podman or buildah named $image; build it first" >&2
    exit 1
fi
"$python" hack/cluster load --name "$cluster" "$archive"
