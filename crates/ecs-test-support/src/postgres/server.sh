#!/bin/sh
# A PostgreSQL server in a folder of its own, for as long as stdin is open: also when the test is killed,
# nothing is left. Commands on stdin: start, kill (-9), stop, create DATABASE, execute DATABASE STATEMENTS, standby PORT. Each is answered with a line on stdout.
# usage: server.sh PORT [CERTIFICATE KEY]  (file contents in PEM, for TLS)
set -u
PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
port=$1
dir=$(mktemp -d /tmp/ecs-postgres.XXXXXX) || exit 1
trap 'pg_ctl -D "$dir/standby" -m immediate -w stop >/dev/null 2>&1; pg_ctl -D "$dir/data" -m immediate -w stop >/dev/null 2>&1; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP

initdb -D "$dir/data" -U owner -A trust -E UTF8 --locale=C --no-sync >"$dir/initdb" 2>&1 || { cat "$dir/initdb" >&2; exit 1; }
cat >"$dir/data/pg_hba.conf" <<E
local all all trust
local replication all trust
host all all 127.0.0.1/32 scram-sha-256
E
cat >>"$dir/data/postgresql.conf" <<E
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$dir'
max_connections = 200
shared_buffers = 16MB
E
if [ $# -ge 3 ]; then
    (umask 077; printf '%s' "$2" >"$dir/data/server.crt"; printf '%s' "$3" >"$dir/data/server.key")
    echo "ssl = on" >>"$dir/data/postgresql.conf"
fi

start() {
    # After kill -9 the other processes of the server take a moment to end.
    for try in 1 2 3 4 5 6 7 8 9 10; do
        pg_ctl -D "$dir/data" -l "$dir/log" -w -t 60 start >/dev/null 2>&1 </dev/null && return 0
        sleep 0.3
    done
    cat "$dir/log" >&2
    return 1
}

# A server that follows this one and cannot write.
standby() {
    pg_basebackup -h "$dir" -p "$port" -U owner -D "$dir/standby" -R -c fast >/dev/null || return 1
    echo "port = $1" >>"$dir/standby/postgresql.conf"
    pg_ctl -D "$dir/standby" -l "$dir/standby.log" -w -t 60 start >/dev/null 2>&1 </dev/null && return 0
    cat "$dir/standby.log" >&2
    return 1
}

echo "$dir"
while read -r command name statements; do
    case $command in
        create) createdb -h "$dir" -p "$port" -U owner "$name" && echo created || echo failed ;;
        execute) psql -q -h "$dir" -p "$port" -U owner -d "$name" -v ON_ERROR_STOP=1 -c "$statements" >/dev/null && echo executed || echo failed ;;
        start) start && echo started || echo failed ;;
        standby) standby "$name" && echo following || echo failed ;;
        kill) kill -9 "$(head -n 1 "$dir/data/postmaster.pid")" && echo killed || echo failed ;;
        stop) pg_ctl -D "$dir/data" -m fast -w stop >/dev/null 2>&1 && echo stopped || echo failed ;;
    esac
done
