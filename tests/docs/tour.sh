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
# Data lie in TMPDIR, and every process that the tour starts inherits its name.
expect_nothing_left() {
    [ -z "$(ls -A "$TMPDIR")" ] || bad "$1: files are left: $(ls -A "$TMPDIR")"
    for environ in /proc/[0-9]*/environ; do
        pid=${environ#/proc/} pid=${pid%/environ}
        [ "$pid" != "$$" ] || continue
        ! grep -qsF "TMPDIR=$TMPDIR" "$environ" || bad "$1: process $pid is left: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
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
