#!/bin/sh
set -eu
if [ "$(id -u)" = 0 ]; then
    chown redis /data
    exec setpriv --reuid redis --regid redis --init-groups "$0" "$@"
fi
exec "$@" --bind 0.0.0.0 --protected-mode no
