# header_compiles.sh -- each public header compiles alone, in every language and with every compiler that it supports, without
# a warning; and the compiler finds certain mistakes. Compiles only, runs nothing.
# Environment: JETPIPE_SOURCE_DIR (ctest sets it).
set -u

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
include=$JETPIPE_SOURCE_DIR/runtime/include
warnings="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
failed=0

# right LANGUAGE FILE COMPILER OPTIONS...: it compiles
right() {
    language=$1 file=$2
    shift 2
    command -v "$1" >/dev/null || return 0
    if ! "$@" -x "$language" $warnings -I"$include" -fsyntax-only "$file" >"$work/out" 2>&1; then
        echo "not compiled: $* $file"
        cat "$work/out"
        failed=1
    fi
}

# wrong WHAT TEXT BODY: the statement BODY does not compile in a body, and the compiler's messages hold TEXT
wrong() {
    cat >"$work/wrong.c" <<END
#include <jetpipe.h>
#include <string.h>
JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}
struct other { int a; };
JP_PIPE(Wrong, p)
{
    jp_future future = jp_yield(p, AddOne, 1);
    struct other other = {0};
    (void)future, (void)other;
    $3
}
END
    for compiler in gcc clang; do
        command -v $compiler >/dev/null || continue
        if $compiler -std=c11 $warnings -I"$include" -c -o "$work/wrong.o" "$work/wrong.c" >"$work/out" 2>&1; then
            echo "$compiler accepts $1: $3"
            failed=1
        elif ! grep -q -e "$2" "$work/out"; then
            echo "the messages of $compiler about $1 lack \"$2\":"
            cat "$work/out"
            failed=1
        fi
    done
}

for header in jetpipe jetpipe_client jetpipe_macros jetpipe_test; do
    echo "#include <$header.h>" >"$work/alone.c"
    for standard in c11 c17 c2x gnu11; do
        right c "$work/alone.c" gcc -std=$standard
        right c "$work/alone.c" clang -std=$standard
    done
    right c++ "$work/alone.c" g++ -std=c++20
    right c++ "$work/alone.c" clang++ -std=c++20
done

# The program in the first comment of jetpipe.h compiles.
sed -n '/A complete program:/,/^ \*     cc /{/^ \*     cc /d;s/^ \*     //p;}' "$include/jetpipe.h" >"$work/example.c"
grep -q 'jp_main' "$work/example.c" || { echo "no program was found in the first comment of jetpipe.h"; failed=1; }
right c "$work/example.c" gcc -std=c11
right c "$work/example.c" clang -std=c11

cat >"$work/all.c" <<'END'
#include <jetpipe_test.h>
JP_DECLARE(Elsewhere);
enum colour { RED, GREEN };
JP_PIPE(Bare, p)
{
    return jp_done(p);
}
JP_PIPE(All, p, .takes = "list l", .fills = "int64 x", .retry = {.attempts = 6, .first_ms = 500, .jitter = 0.2})
{
    jp_list *l = jp_list_new(p);
    const short small = 3;
    const enum colour colour = GREEN;
    for (int i = 0; i < 3; i++)
        jp_push(l, jp_yield(p, Elsewhere, i));
    jp_future a = jp_yield(p, Bare), b = jp_yield_list(p, Elsewhere, l);
    jp_after(p) jp_in_order(p) { jp_yield(p, Bare); if (small) break; }
    jp_after(p, a, l) jp_after(p, b) { jp_in_order(p) jp_yield(p, Elsewhere, a); }
    jp_value o = jp_object(p, "id", 17, "paid", (bool)1, "s", "str", "f", 1.5f, "small", small, "colour", colour, "l", l, "n", jp_v_null());
    jp_object(p, "1", 1, "2", 2, "3", 3, "4", 4, "5", 5, "6", 6, "7", 7, "8", 8, "9", 9, "10", 10, "11", 11, "12", 12,
              "13", 13, "14", 14, "15", 15);
    jp_each(p, x, jp_get(p, o, "l")) jp_each(p, y, x) { if (y.type == JP_NULL) continue; }
    jp_each_member(p, key, x, o) { if (key[0] == 'a' || x.type == JP_NULL) break; }
    jp_options options = {.timeout_ms = 5};
    jp_yield_with(p, options, Elsewhere, a);
    jp_yield_with(p, JP_OPTIONS(.retry = {.attempts = 1}, .timeout_ms = 500), Elsewhere, 1);
    jp_yield(p, Elsewhere, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
    jp_fill(p, "x", jp_slot(p, b, "x"));
    if (jp_has(p, o, "x"))
        return jp_retry(p, "%s %d", jp_json(p, o), (int)jp_size(p, o));
    return jp_return(p, jp_arg(p, "l"));
}
int64_t run(jp_trial *t, jp_client *c);
int64_t run(jp_trial *t, jp_client *c)
{
    jp_root root;
    jp_error err;
    if (jp_start(c, &root, &err, All, 4) != JP_OK || jp_reply(c, "t", 4, &err) != JP_OK)
        return 0;
    jp_trial_answer(t, "Promise", jp_trial_parse(t, "{}"));
    return jp_trial_int64(jp_trial_run(t, Bare)) + (int64_t)jp_plan_children(jp_trial_body(t, All, 4));
}
END
for standard in c11 c2x; do
    right c "$work/all.c" gcc -std=$standard
    right c "$work/all.c" clang -std=$standard
done
right c++ "$work/all.c" g++ -std=c++20
right c++ "$work/all.c" clang++ -std=c++20

wrong "an int as an ending" "jp_end" "return 0;"
wrong "no ending" "return-type" ""
wrong "a pipe that is not there" "AddTen" "jp_yield(p, AddTen, 1); return jp_done(p);"
wrong "a struct as an argument" "_Generic" "jp_yield(p, AddOne, other); return jp_done(p);"
wrong "a size_t as an argument" "_Generic" 'jp_yield(p, AddOne, strlen("x")); return jp_done(p);'
wrong "a wrong format" "format" 'return jp_retry(p, "%d", "x");'
wrong "arithmetic with a future" "invalid operands" "return jp_return(p, future + 1);"
wrong "waiting for a number" "_Generic" "jp_after(p, 5) jp_yield(p, AddOne, 1); return jp_done(p);"
wrong "an ending that is thrown away" "unused-result" 'jp_abort(p, "x"); return jp_done(p);'
exit $failed
