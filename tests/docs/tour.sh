# tour.sh -- runs the tour: it succeeds although a worker is killed, refuses what it cannot count with one sentence, and
# leaves nothing behind, even on Ctrl-C. tests/run.sh has installed what it needs.
# Environment: JETPIPE_SOURCE_DIR (ctest sets it); servers as for the tour.
set -eu

tour=$JETPIPE_SOURCE_DIR/docs/tour.sh
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/jetpipe-tour-test.XXXXXX")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
out=$TMPDIR.out

bad() {
    echo "$*"
    tail -n 30 "$out"
    rm -f "$out"
    exit 1
}
# The tour keeps its data in TMPDIR, and its processes have TMPDIR in their environment. The second argument: tenths of a
# second that processes may take to end.
expect_nothing_left() {
    tries=${2:-0}
    [ -z "$(ls -A "$TMPDIR")" ] || bad "$1: files are left: $(ls -A "$TMPDIR")"
    for environ in /proc/[0-9]*/environ; do
        pid=${environ#/proc/} pid=${pid%/environ}
        [ "$pid" != "$$" ] || continue
        while grep -qsF "TMPDIR=$TMPDIR" "$environ"; do
            [ "$tries" -gt 0 ] || bad "$1: process $pid is left: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
            tries=$((tries - 1))
            sleep 0.1
        done
    done
}
refused() {
    text=$1
    shift
    code=0
    sh "$tour" "$@" >"$out" 2>&1 || code=$?
    [ "$code" = 1 ] && [ "$(wc -l <"$out")" = 1 ] && grep -qF "$text" "$out" || bad "exit $code where '$text' was expected"
}

refused "/no/such/folder is not a folder; name one that exists." /no/such/folder
refused "there is no option '--mango'" --mango
refused "only one folder can be counted" /usr /etc

sh "$tour" >"$out" 2>&1 || bad "the tour ended with $?"
grep -q 'was killed by SIGKILL' "$out" || bad "no worker was killed"
grep -q 'all [0-9]* counts are the same' "$out" || bad "the counts were not compared"
expect_nothing_left "after its end"

mkdir "$TMPDIR.empty"
sh "$tour" "$TMPDIR.empty" >"$out" 2>&1 || bad "the tour of an empty folder ended with $?"
rmdir "$TMPDIR.empty"
grep -q '0 words' "$out" || bad "an empty folder has words"

# Killed by SIGKILL it cannot clean up: its processes end with it, and the next tour removes its folder. That one counts
# files with odd names and of every kind.
sh "$tour" >"$out" 2>&1 &
pid=$!
until grep -q '== One event' "$out"; do
    kill -0 "$pid" 2>/dev/null || bad "the tour ended before it was killed"
    sleep 0.1
done
kill -KILL "$pid"
wait "$pid" || :
odd="$TMPDIR.odd
 ümläut"
mkdir -p "$odd/a b"
printf 'one two two' >"$odd/a b/new
line"
printf 'ab\0cd' >"$odd/binary"
head -c 9000 /dev/zero | tr '\0' 'x' >"$odd/late"
printf ' three\0three' >>"$odd/late"
: >"$odd/empty"
mkfifo "$odd/pipe"
ln -s /usr "$odd/link"
sh "$tour" "$odd" >"$out" 2>&1 || bad "the tour of an odd folder ended with $?"
rm -rf "$odd"
grep -q '6 words, .* in 3 files; 1 others' "$out" || bad "the odd folder was not counted as it is"
expect_nothing_left "killed, and run again" 100 # a worker whose server is gone tries for seconds to publish its results

# SIGTERM instead of Ctrl-C: a shell starts background processes with SIGINT ignored.
sh "$tour" >"$out" 2>&1 &
pid=$!
until grep -q '== One event' "$out"; do
    kill -0 "$pid" 2>/dev/null || bad "the tour ended before it was interrupted"
    sleep 0.1
done
sleep 1
kill -TERM "$pid"
code=0
wait "$pid" || code=$?
[ "$code" = 143 ] || bad "interrupted, it ended with $code"
expect_nothing_left "interrupted"
rm -f "$out"
