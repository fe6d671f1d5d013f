# fuzz.sh -- looks for inputs that break a fuzz target, with libFuzzer, from the inputs of its corpus on.
#
#   sh fuzz.sh PROGRAM CORPUS
#
# Environment: JETPIPE_BUILD_DIR (ctest sets it); JETPIPE_FUZZ_SECONDS, how long: 4 unless told. What is found to reach
# new code is kept in the build folder and gone on from; what breaks the target is kept beside it and named.
set -eu

program=$1 corpus=$2
name=$(basename "$program")
found=$JETPIPE_BUILD_DIR/fuzz/$name
mkdir -p "$found"
if "$program" -max_total_time="${JETPIPE_FUZZ_SECONDS:-4}" -timeout=20 -rss_limit_mb=3000 -max_len=4096 -close_fd_mask=1 \
    -artifact_prefix="$found-" "$found" "$corpus" >"$found.log" 2>&1; then
    tail -n 1 "$found.log"
    exit 0
fi
grep -v '^#' "$found.log" | tail -n 60
echo "$name: to see it again: $program the file named above; mended, it belongs into $corpus"
exit 1
