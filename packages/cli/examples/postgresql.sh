#!/bin/sh
# PostgreSQL behind a guard: only who is in postgresql.toml gets to it, each as
# itself. As root:
#
#   postgresql.sh /run/guarded/.s.PGSQL.5432 /var/run/postgresql/.s.PGSQL.5432
#   psql -h /run/guarded
#
# Let nobody but root into the directory of the second socket (chmod 0700), or
# clients can go around the guard.
exec sockcred guard --listen "$1" --mode 0666 --policy "$(dirname "$0")/postgresql.toml" --to "unix:$2" --as-peer
