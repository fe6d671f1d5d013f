# tour.sh -- the tour itself: it comes to a good end with a worker killed, refuses what it cannot count in one sentence, and
# leaves nothing behind, on Ctrl-C neither. What it needs is installed by tests/run.sh before.
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
# Data lie in TMPDIR, and every process that the tour starts inherits its name. A second argument: tenths of a second
# that processes have for their end.
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

refused "/no/such/folder is no folder; name one that exists." /no/such/folder
refused "'--mango' is no option" --mango
refused "one folder can be counted" /usr /etc

sh "$tour" >"$out" 2>&1 || bad "the tour ended with $?"
grep -q 'was killed by SIGKILL' "$out" || bad "no worker was killed"
grep -q 'all [0-9]* counts are the same' "$out" || bad "the counts were not compared"
expect_nothing_left "after its end"

mkdir "$TMPDIR.empty"
sh "$tour" "$TMPDIR.empty" >"$out" 2>&1 || bad "the tour of an empty folder ended with $?"
rmdir "$TMPDIR.empty"
grep -q '0 words' "$out" || bad "an empty folder has words"

# Killed by SIGKILL it cannot clean up: what it started ends with it, and the next tour removes its folder. That one counts
# names and files of every kind.
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
expect_nothing_left "killed, and run again" 100 # a worker whose server went first tries for seconds to hand in results

# SIGTERM stands for Ctrl-C here: a shell starts what is in the background with SIGINT ignored.
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
