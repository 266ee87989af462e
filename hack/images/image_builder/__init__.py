"""Builds the images in images/ into tarballs that a container runtime can import.

It knows which files each image is made of, where wheels and a Debian base come from, and how docker, podman
and buildah are called. It knows nothing of clusters: what it hands on is a tarball and the name inside it.
`make` and the end-to-end tests call it. Only the standard library is used, so that it runs before anything
is installed. Read catalogue first.
"""
