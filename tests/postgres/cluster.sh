#!/usr/bin/env bash
# Starts PostgreSQL on this machine for the tests: a primary on PORT and two synchronous standbys on the next two ports, of
# which one has to have a commit. Roles: postgres (owner), ledger_writer, ledger_reader.
#   cluster.sh up FOLDER PORT      cluster.sh down FOLDER
set -eu
what=$1; folder=$2; port=${3:-5450}
bin=${LEDGER_TEST_POSTGRES:-$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb | tail -1)")}
# The server refuses to run as root.
as() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups env -C "$folder" "$@"; else env -C "$folder" "$@"; fi; }
sql() { as "$bin/psql" -h 127.0.0.1 -p "$port" -U postgres -qAt "$@"; }
start() { as "$bin/pg_ctl" -D "$folder/n$1" -l "$folder/n$1.log" -w start >/dev/null; }
if [ "$what" = down ]; then
  for node in 3 2 1; do as "$bin/pg_ctl" -D "$folder/n$node" -m immediate stop >/dev/null 2>&1 || true; done
  exit
fi
mkdir -p "$folder"
[ "$(id -u)" != 0 ] || chown postgres "$folder"
as "$bin/initdb" -D "$folder/n1" -A trust -U postgres --no-sync >/dev/null
cat >>"$folder/n1/postgresql.conf" <<CONF
listen_addresses='127.0.0.1'
port=$port
unix_socket_directories='$folder'
wal_level=replica
max_wal_senders=8
max_connections=60
hot_standby=on
shared_buffers=64MB
CONF
start 1
for node in 2 3; do
  as "$bin/pg_basebackup" -h 127.0.0.1 -p "$port" -U postgres -D "$folder/n$node" -R -X stream -C -S "s$node" \
    -d "host=127.0.0.1 port=$port user=postgres application_name=n$node" >/dev/null
  echo "port=$((port + node - 1))" >>"$folder/n$node/postgresql.conf"
  start $node
done
sql -c "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (n2, n3)'" -c "SELECT pg_reload_conf()" >/dev/null
for _ in $(seq 100); do
  [ "$(sql -c "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('quorum', 'sync')")" != 2 ] || break
  sleep 0.1
done
sql -c "CREATE ROLE ledger_writer LOGIN" -c "CREATE ROLE ledger_reader LOGIN"
