# core_pure.sh -- the deciding core does no I/O, reads no clock, no random source and no environment,
# and keeps nothing between two calls. Proved on its object files: every symbol they leave
# undefined must be one of the list below, and they may have no writable data.
# usage: sh core_pure.sh OBJECT...
#
# The list names what is allowed, so that a new way to reach the outside world is refused without
# anybody having thought of it. The compiler's own helpers (__stack_chk_fail, the _chk variants)
# do what the plain functions do.
set -eu

allowed='
mem(cpy|move|set|cmp|chr|rchr|mem)
str(len|nlen|cmp|ncmp|chr|rchr|spn|cspn|pbrk|str|casecmp|ncasecmp)
stp(cpy|ncpy)
(|v)snprintf
strto(l|ul|ll|ull|d|imax|umax)
(malloc|calloc|realloc|reallocarray|free|qsort|bsearch)
(floor|ceil|trunc|round|lround|llround|pow|exp|log|log2|fabs|fmin|fmax|ldexp|frexp|isnan|isinf)
__(memcpy|memmove|memset|strcpy|stpcpy|snprintf|vsnprintf|explicit_bzero)_chk
__stack_chk_fail
__isoc23_strto(l|ul|ll|ull|imax|umax)
__ctype_(b|tolower|toupper)_loc
_GLOBAL_OFFSET_TABLE_
abort
jpx_(assert_failed|fail|wrap|arena_new|arena_free|arena_reset|alloc|alloc_array|grow_|copy|hex|unhex|hash)
jpx_(strdup|strndup|format|vformat|time_text|is_name)
jpx_text_(new|put|puts|add|quote|member|member_int|member_raw|member_time)
jp_status_text
bson_(append|iter|init|destroy|copy|concat|count|get|has|compare|equal|validate|array|value|sized|steal|reserve).*
bson_(new|new_from_data|new_from_buffer|new_from_json|init_from_json|free|utf8_.*|as_.*json.*|json_string.*)
bson_(malloc0?|realloc|strdup|strndup|isspace|ascii_strtoll|uint32_to_string|set_error)
bcon_.*
'
# What the list of libbson's functions would let through and must not.
refused='^bson_(get_monotonic_time|oid_init|oid_init_sequence|context_.*|reader_new_from_.*|json_reader_new_f.*)$'

# check OBJECT...: prints what is wrong with them; nothing if they are pure.
check() {
    nm -P "$@" | awk 'NF >= 2 && $2 ~ /^[TtRrVWBbDdCGSs]$/ { print $1 }' | sort -u >"$scratch/defined"
    for object in "$@"; do
        # In POSIX format: name, type, ...; U and w are undefined.
        nm -P -u "$object" | awk 'NF { print $1 }' | sort -u | comm -23 - "$scratch/defined" >"$scratch/undefined"
        {
            grep -v -x -E "$pattern" "$scratch/undefined" || :
            grep -E "$refused" "$scratch/undefined" || :
        } | sed "s|^|${object##*/} uses |"
        # Writable sections that hold something. Constants with addresses in them (.data.rel.ro) are not.
        nm -f sysv "$object" | awk -F '|' -v object="${object##*/}" '
            { gsub(/ /, "", $1); gsub(/ /, "", $7) }
            $7 ~ /^(\.t?data|\.t?bss|\*COM\*)/ && $7 !~ /^\.data\.rel\.ro/ { print object " keeps " $1 " in " $7 }'
    done
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# shellcheck disable=SC2086 # one line each
pattern=$(printf '%s|' $allowed)
pattern="(${pattern%|})"

# First that the check can fail: each of these must be refused, and the harmless one must not.
must() {
    printf '%s\n' "$2" >"$scratch/probe.c"
    ${CC:-cc} -fPIC -O1 -c -o "$scratch/probe.o" "$scratch/probe.c"
    found=$(check "$scratch/probe.o")
    case $1:$found in
    be-refused: | pass:?*)
        echo "core_pure.sh: the check itself is wrong: this must $1: $2 ($found)"
        exit 1
        ;;
    esac
}
must be-refused '#include <time.h>
time_t f(void) { return time(0); }'
must be-refused '#include <stdlib.h>
char *f(void) { return getenv("HOME"); }'
must be-refused '#include <stdio.h>
void f(void) { puts("hello"); }'
must be-refused '#include <stdlib.h>
int f(void) { return rand(); }'
must be-refused 'int f(void) { static int calls; return ++calls; }'
must be-refused 'int f(void) { static _Thread_local int calls; return ++calls; }'
must be-refused 'int last = 7;'
must be-refused 'void bson_oid_init(void *, void *); void f(void *p) { bson_oid_init(p, 0); }'
must pass '#include <string.h>
static const char *const names[] = {"a", "b"};
size_t f(int i) { return strlen(names[i & 1]); }'

if [ $# -eq 0 ]; then
    echo "core_pure.sh: no object files were given; the test would prove nothing."
    exit 1
fi
found=$(check "$@")
if [ -n "$found" ]; then
    printf '%s\n' "$found"
    echo "The core must get this through its arguments (runtime/core/README.md), or it belongs elsewhere."
    exit 1
fi
echo "$# objects of the core are pure."
