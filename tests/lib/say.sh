# say.sh -- how the scripts of the tests speak: progress on stderr, one sentence per failure.

say() {
    printf '%s\n' "-- $*" >&2
}

fail() {
    printf '%s\n' "tests: $*" >&2
    exit 1
}
