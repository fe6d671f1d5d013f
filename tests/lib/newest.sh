# newest.sh -- runs a test program against the newest nats-server instead of the oldest supported one.
# usage: sh newest.sh PROGRAM [ARGS...]
if [ -z "${JETPIPE_TEST_NATS_NEW:-}" ]; then
    echo "skip: JETPIPE_TEST_NATS_NEW names no server; sh tests/run.sh starts one"
    exit 77
fi
JETPIPE_TEST_NATS=$JETPIPE_TEST_NATS_NEW
export JETPIPE_TEST_NATS
exec "$@"
