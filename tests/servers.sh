# servers.sh -- starts and stops the real servers that tests talk to: nats-server with JetStream and
# a mongod replica set of one. To be sourced (POSIX sh); it starts nothing by itself.
#
#   nats_start old|new|PROGRAM DIR VAR [ARGS...]   sets VAR to nats://127.0.0.1:PORT
#   mongo_start DIR VAR                            sets VAR to mongodb://127.0.0.1:PORT/?replicaSet=rs0
#   server_stop DIR [SIGNAL]                       TERM unless told; waits for the end
#   servers_stop DIR                               every server below DIR
#
# DIR belongs to one server: its data, `log`, `pid` and `port` lie there. Started again in the same
# DIR, a server keeps its data and its port, so that clients find it again: that is how tests
# restart one, after server_stop DIR KILL too. Ports are chosen by the operating system; nothing
# is taken from or given to the machine outside DIR. Servers are ended by their process id only.
#
# `old` and `new` are the programs named by JETPIPE_NATS_SERVER and JETPIPE_NATS_SERVER_NEW, mongod
# the one named by JETPIPE_MONGOD (tests/run.sh exports all three).
# `servers_under`, when set, is words to put before each server's command line.
# A function that fails says why on stderr and returns 1.

servers_wait_s=20

# servers_port: a port that is free at this moment. Another process may take it before we do, so
# mongo_start tries again.
servers_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

servers_log_tail() {
    printf '%s\n' "$1; the end of $2/log:" >&2
    tail -n 12 "$2/log" >&2
}

nats_start() {
    case $1 in
    old) nats_program=${JETPIPE_NATS_SERVER:-} ;;
    new) nats_program=${JETPIPE_NATS_SERVER_NEW:-} ;;
    *) nats_program=$1 ;;
    esac
    if [ -z "$nats_program" ]; then
        echo "servers.sh: no program for nats-server '$1'; set JETPIPE_NATS_SERVER or JETPIPE_NATS_SERVER_NEW." >&2
        return 1
    fi
    nats_dir=$2 nats_var=$3
    shift 3
    mkdir -p "$nats_dir/data" "$nats_dir/ports"
    rm -f "$nats_dir"/ports/*
    nats_port=-1 # the server asks the operating system for one
    [ ! -s "$nats_dir/port" ] || nats_port=$(cat "$nats_dir/port")
    # shellcheck disable=SC2086 # words
    ${servers_under:-} "$nats_program" -a 127.0.0.1 -p "$nats_port" --ports_file_dir "$nats_dir/ports" -js -sd "$nats_dir/data" \
        "$@" </dev/null >>"$nats_dir/log" 2>&1 &
    nats_pid=$!
    echo "$nats_pid" >"$nats_dir/pid"
    nats_tries=$((servers_wait_s * 20))
    while [ "$nats_tries" -gt 0 ]; do
        # The file is written when the server listens.
        nats_url=$(sed -n 's/.*"nats": *\["nats:\/\/\([^"]*\)".*/\1/p' "$nats_dir"/ports/*.ports 2>/dev/null)
        if [ -n "$nats_url" ]; then
            echo "${nats_url##*:}" >"$nats_dir/port"
            eval "$nats_var=nats://127.0.0.1:${nats_url##*:}"
            return 0
        fi
        kill -0 "$nats_pid" 2>/dev/null || break
        sleep 0.05
        nats_tries=$((nats_tries - 1))
    done
    servers_log_tail "servers.sh: $nats_program did not start" "$nats_dir"
    return 1
}

mongo_start() {
    mongo_dir=$1 mongo_var=$2
    mkdir -p "$mongo_dir/data"
    for mongo_try in 1 2 3 4 5; do
        if [ -s "$mongo_dir/port" ]; then
            mongo_port=$(cat "$mongo_dir/port")
        else
            mongo_port=$(servers_port) || return 1
        fi
        # The cache is bounded because several may run on one small machine; the socket lies in DIR
        # and not in /tmp.
        # shellcheck disable=SC2086 # words
        ${servers_under:-} "${JETPIPE_MONGOD:-mongod}" --replSet rs0 --bind_ip 127.0.0.1 --port "$mongo_port" \
            --dbpath "$mongo_dir/data" --unixSocketPrefix "$mongo_dir" --wiredTigerCacheSizeGB 0.5 \
            --setParameter diagnosticDataCollectionEnabled=false \
            </dev/null >>"$mongo_dir/log" 2>&1 &
        mongo_pid=$!
        echo "$mongo_pid" >"$mongo_dir/pid"
        if python3 "$(servers_lib)/replset.py" "$mongo_port" "$mongo_pid" "$servers_wait_s"; then
            echo "$mongo_port" >"$mongo_dir/port"
            eval "$mongo_var='mongodb://127.0.0.1:$mongo_port/?replicaSet=rs0'"
            return 0
        fi
        server_stop "$mongo_dir" KILL
        # Its own port is the reason to try another one; every other failure would come again.
        tail -n 30 "$mongo_dir/log" | grep -q "Address already in use" || break
        [ -s "$mongo_dir/port" ] && sleep 1
    done
    servers_log_tail "servers.sh: ${JETPIPE_MONGOD:-mongod} did not start" "$mongo_dir"
    return 1
}

servers_lib() {
    printf '%s\n' "${JETPIPE_SOURCE_DIR:-.}/tests/lib"
}

server_stop() {
    [ -s "$1/pid" ] || return 0
    stop_pid=$(cat "$1/pid")
    rm -f "$1/pid"
    kill -s "${2:-TERM}" "$stop_pid" 2>/dev/null || return 0
    stop_tries=$((servers_wait_s * 20))
    # `kill -0` of a child that ended but was not waited for succeeds, so its state is read as well.
    while kill -0 "$stop_pid" 2>/dev/null; do
        case $(sed 's/.*) //' "/proc/$stop_pid/stat" 2>/dev/null) in Z* | '') break ;; esac
        if [ "$stop_tries" -le 0 ]; then
            echo "servers.sh: process $stop_pid of $1 did not end within $servers_wait_s s; it is killed." >&2
            kill -s KILL "$stop_pid" 2>/dev/null
            break
        fi
        sleep 0.05
        stop_tries=$((stop_tries - 1))
    done
    wait "$stop_pid" 2>/dev/null || : # its exit code says only how it was ended
    return 0
}

servers_stop() {
    for stop_dir in "$1" "$1"/*/; do
        [ -s "${stop_dir%/}/pid" ] && server_stop "${stop_dir%/}"
    done
    return 0
}
