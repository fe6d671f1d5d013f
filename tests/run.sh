#!/bin/sh
# run.sh -- builds jetpipe, starts real servers, runs its tests and says how they went.
#
#   sh tests/run.sh                     everything
#   sh tests/run.sh -k NAME             the tests whose names match (a regular expression; repeatable)
#   sh tests/run.sh -L unit             one kind: unit contract sim scenario wrong e2e docs install fuzz
#   sh tests/run.sh -l                  lists them (with -k and -L: those that match)
#   sh tests/run.sh -v                  shows the output of passing tests too
#   sh tests/run.sh --sanitize address  in a build with the address and undefined sanitizers; or thread
#   sh tests/run.sh --sanitize fuzz     looks for new inputs, JETPIPE_FUZZ_SECONDS (4) for each kind of input
#   sh tests/run.sh --no-servers        starts none: what needs one is skipped
#   sh tests/run.sh --require-all       a server that cannot be had is an error, not a reason to skip
#   sh tests/run.sh --prepare           only installs and fetches what is needed
#   sh tests/run.sh -D OPTION=VALUE     handed to cmake (repeatable); in a build folder of its own
#
# On Debian and Ubuntu it installs what is missing by apt-get (as root or with sudo) and says so;
# servers come as tests/lib/tools.sh tells. Nothing is installed, fetched or started that the
# chosen tests do not need. Servers run on free ports in a temporary folder and are stopped at the
# end, also on Ctrl-C. JETPIPE_TEST_NATS, JETPIPE_TEST_NATS_NEW, JETPIPE_TEST_MONGO: when set, the
# server named there is used instead of one of our own.
#
# Ends with ctest's closing line and its exit code. Environment: JETPIPE_JOBS bounds the processes
# that build and test at once, JETPIPE_BUILD names another build folder, CC another compiler.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
export JETPIPE_SOURCE_DIR="$top"
. "$top/tests/lib/say.sh"
. "$top/tests/lib/packages.sh"
. "$top/tests/lib/tools.sh"
. "$top/tests/servers.sh"

pattern='' kind='' list=no verbose=no sanitize='' require_all=no servers=yes prepare=no options=''
while [ $# -gt 0 ]; do
    case $1 in
    -k | -L | -D | --sanitize)
        [ $# -ge 2 ] || fail "$1 needs a value; see the head of tests/run.sh."
        ;;
    esac
    case $1 in
    -k) pattern=${pattern:+$pattern|}$2 && shift ;;
    -L) kind=$2 && shift ;;
    -D) options="$options -D$2" && shift ;;
    -l) list=yes ;;
    -v) verbose=yes ;;
    --sanitize) sanitize=$2 && shift ;;
    --require-all) require_all=yes ;;
    --no-servers) servers=no ;;
    --prepare) prepare=yes ;;
    -h | --help) sed -n '2,/^set -eu/{/^set/d;s/^# \{0,1\}//;p;}' "$0" && exit 0 ;;
    *) fail "'$1' is no option; sh tests/run.sh -h lists them." ;;
    esac
    shift
done
case $sanitize in
'' | address | thread) ;;
fuzz)
    kind=${kind:-fuzz}
    export CC="${CC:-clang}" CXX="${CXX:-clang++}"
    ;;
*) fail "--sanitize takes address, thread or fuzz, not '$sanitize'." ;;
esac

jobs=${JETPIPE_JOBS:-$(nproc)}
suffix=${sanitize:-tests}
[ -z "$options" ] || suffix=$suffix-$(printf %s "$options" | cksum | cut -d ' ' -f 1)
build=${JETPIPE_BUILD:-$top/build-$suffix}

# ---- everything that was started is stopped, whatever happens ----

scratch='' suite=''
finish() {
    code=$?
    trap - EXIT
    trap '' INT TERM HUP
    if [ -n "$suite" ] && kill -0 "$suite" 2>/dev/null; then
        kill -s TERM -- "-$suite" 2>/dev/null && sleep 1
        kill -s KILL -- "-$suite" 2>/dev/null || :
    fi
    if [ -n "$scratch" ]; then
        servers_stop "$scratch"
        rm -rf "$scratch"
    fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- build ----

packages_ensure "$packages_needed"
[ "$sanitize" != fuzz ] || packages_ensure "$packages_clang"
if [ "$prepare" = yes ]; then
    tools_need_all
    [ "$require_all" = no ] || [ -z "$tools_missing" ] || fail "not everything could be had; see above."
    exit 0
fi

if [ ! -e "$build/build.ninja" ] || [ ! -e "$build/tests/registry" ]; then
    # shellcheck disable=SC2086 # the options are words
    cmake -G Ninja -S "$top" -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DJETPIPE_WERROR=ON \
        -DJETPIPE_TESTS=ON -DJETPIPE_SANITIZE="$sanitize" $options >"$build.log" 2>&1 ||
        { cat "$build.log" >&2; rm -f "$build.log"; fail "cmake could not configure $build; see above."; }
    rm -f "$build.log"
fi
# Files were added, or a tests.cmake was changed: ninja asks cmake by itself.
cmake --build "$build" -j "$jobs" --target build.ninja >"$build/build.log" 2>&1 ||
    { cat "$build/build.log" >&2; fail "cmake could not configure $build again; see above."; }

# Lines "name target servers|-" of the tests that were asked for.
chosen=$(pattern="$pattern" kind="^(${kind:-.*})_" awk '$1 ~ ENVIRON["pattern"] && $1 ~ ENVIRON["kind"]' \
    "$build/tests/registry")
[ -n "$chosen" ] || fail "no test matches '$pattern'${kind:+ in '$kind'}; sh tests/run.sh -l lists them."
if [ "$list" = yes ]; then
    printf '%s\n' "$chosen" | awk '{ print $1 ($3 == "servers" ? "  (needs servers)" : "") }'
    exit 0
fi

targets=$(printf '%s\n' "$chosen" | cut -d ' ' -f 2 | tr , '\n' | sort -u)
# shellcheck disable=SC2086 # the targets are words
cmake --build "$build" -j "$jobs" --target $targets >"$build/build.log" 2>&1 ||
    { cat "$build/build.log" >&2; fail "the build failed; see above."; }
grep -v '^\[\|^ninja: no work' "$build/build.log" >&2 || : # warnings, if the compiler had any

# ---- servers, for the tests that talk to them ----

if [ "$servers" = yes ] && printf '%s\n' "$chosen" | grep -q ' servers$'; then
    tools_need_all
    [ "$require_all" = no ] || [ -z "$tools_missing" ] || fail "not everything could be had; see above."
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/jetpipe-tests.XXXXXX")
    export JETPIPE_NATS_SERVER JETPIPE_NATS_SERVER_NEW JETPIPE_MONGOD
    [ -n "${JETPIPE_TEST_NATS:-}" ] || [ -z "$JETPIPE_NATS_SERVER" ] ||
        nats_start old "$scratch/nats" JETPIPE_TEST_NATS || fail "nats-server did not start."
    [ -n "${JETPIPE_TEST_NATS_NEW:-}" ] || [ -z "$JETPIPE_NATS_SERVER_NEW" ] ||
        nats_start new "$scratch/nats-new" JETPIPE_TEST_NATS_NEW || fail "the newest nats-server did not start."
    [ -n "${JETPIPE_TEST_MONGO:-}" ] || [ -z "$JETPIPE_MONGOD" ] ||
        mongo_start "$scratch/mongo" JETPIPE_TEST_MONGO || fail "mongod did not start."
    export JETPIPE_TEST_NATS="${JETPIPE_TEST_NATS:-}" JETPIPE_TEST_NATS_NEW="${JETPIPE_TEST_NATS_NEW:-}"
    export JETPIPE_TEST_MONGO="${JETPIPE_TEST_MONGO:-}"
    export JETPIPE_TEST_NATS_CLI="$JETPIPE_NATS_CLI" JETPIPE_TEST_PYTHON
    for name in NATS NATS_NEW MONGO NATS_CLI PYTHON; do
        # A test asks whether the variable is there; an empty one is not.
        eval "[ -n \"\$JETPIPE_TEST_$name\" ]" || unset "JETPIPE_TEST_$name"
    done
    say "servers: ${JETPIPE_TEST_NATS:-no NATS}, ${JETPIPE_TEST_NATS_NEW:-no newest NATS}, ${JETPIPE_TEST_MONGO:-no MongoDB}"
fi

# ---- run ----

ulimit -c 0 # tests crash processes on purpose
# Older thread sanitizers cannot cope with as much address randomisation as newer kernels do.
plain=
if [ "$sanitize" = thread ] && setarch "$(uname -m)" -R true 2>/dev/null; then
    plain="setarch $(uname -m) -R"
fi
set -- --output-on-failure --no-tests=error -j "$jobs" -O "$build/closing.log"
[ -z "$pattern" ] || set -- "$@" -R "$pattern"
[ -z "$kind" ] || set -- "$@" -L "^($kind)\$"
[ "$verbose" = no ] || set -- "$@" -V

# In a process group of its own, so that all of it can be ended; in the background, so that a
# signal is taken at once.
# shellcheck disable=SC2086 # setarch and its arguments are words
(cd "$build" && exec setsid $plain ctest "$@") &
suite=$!
code=0
wait "$suite" || code=$?
suite=
awk -f "$top/tests/lib/report.awk" "$build/Testing/Temporary/LastTest.log" "$build/closing.log"
printf '\n'
grep -E '^[0-9]+% tests passed' "$build/closing.log" || :
exit "$code"
