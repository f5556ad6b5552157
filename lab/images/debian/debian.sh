#!/bin/sh
# Writes a minimal Debian 13 to the standard output, as a tar. Run as root:
#   debian.sh CERTIFICATES
# where CERTIFICATES is the file of those that are trusted here: a network that
# looks into TLS has one of its own.
#
# It ends when its standard input does, since who started it may not be allowed
# to signal root's processes. It works in memory, in a namespace of its own:
# however it ends, nothing of it is left.
set -eu
PATH=$PATH:/usr/sbin:/sbin

exec 3<&0
unshare --mount --pid --fork --kill-child sh -euc '
    mount -t tmpfs relevo /mnt
    debootstrap --variant=minbase --include=ca-certificates trixie /mnt >&2
    if [ -f "$1" ]; then
        install -m 644 "$1" /mnt/etc/ssl/certs/ca-certificates.crt
    fi
    rm -rf /mnt/var/cache/apt/* /mnt/var/lib/apt/lists/* /mnt/var/log/* \
        /mnt/usr/share/doc /mnt/usr/share/man /mnt/usr/share/locale
    tar -C /mnt --one-file-system -c .
' debian.sh "$1" &
work=$!
(
    while read -r _; do :; done
    kill -KILL "$work"
) <&3 >/dev/null &
watch=$!
trap 'kill "$watch" 2>/dev/null || :' EXIT
wait "$work"
