#!/bin/sh
# Writes Debian's Compose and Buildx plugins of the Docker client to the standard
# output, as a tar. Run in a container, whose files do not matter afterwards.
set -eu
exec 3>&1 >&2
cd /tmp
apt-get -q update
apt-get -q download docker-compose docker-buildx
for package in *.deb; do
    dpkg -x "$package" packages
done
tar -C packages/usr/libexec/docker/cli-plugins -c . >&3
