#!/bin/sh
# PostgreSQL behind a guard: only who is in postgresql.toml gets to it, each as
# itself. As root:
#
#   postgresql.sh /run/guarded/.s.PGSQL.5432 /run/closed/postgresql/.s.PGSQL.5432
#   psql -h /run/guarded
#
# Each connection is made by the client's own ids, with its permissions; so that
# clients cannot go around the guard, close the directory above the socket's own
# (/run/closed: root:postgres, mode 0710). The guard is in there already.
policy=$(cd "$(dirname "$0")" && pwd)/postgresql.toml
cd "$(dirname "$2")" || exit
exec sockcred guard --listen "$1" --mode 0666 --policy "$policy" --to "unix:/proc/self/cwd/$(basename "$2")" --as-peer
