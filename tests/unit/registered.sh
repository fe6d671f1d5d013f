# registered.sh -- every test file is run: one that no tests.cmake names proves nothing.
# Environment: JETPIPE_SOURCE_DIR, JETPIPE_BUILD_DIR (ctest sets both).
set -eu

forgotten=
for file in "$JETPIPE_SOURCE_DIR"/tests/unit/*.c "$JETPIPE_SOURCE_DIR"/tests/contract/*.c \
    "$JETPIPE_SOURCE_DIR"/tests/sim/*.c "$JETPIPE_SOURCE_DIR"/tests/scenario/*.c "$JETPIPE_SOURCE_DIR"/tests/*/*.sh "$JETPIPE_SOURCE_DIR"/tests/*/*.py; do
    kind=$(basename "$(dirname "$file")")
    name=$(basename "$file")
    case $kind in lib | bench | fuzz) continue ;; esac
    case $file in
    *.c) grep -q '^int main(' "$file" || continue ;;
    */kit.py) continue ;;
    esac
    # A test may be left out where a store is not built in; its name is in tests.cmake then.
    grep -q "^${kind}_${name%.*} " "$JETPIPE_BUILD_DIR/tests/registry" ||
        grep -q "\b${name%.*}\b" "$JETPIPE_SOURCE_DIR/tests/$kind/tests.cmake" || forgotten="$forgotten $kind/$name"
done
if [ -n "$forgotten" ]; then
    echo "no tests.cmake names:$forgotten"
    exit 1
fi
