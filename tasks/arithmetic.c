/* arithmetic.c -- int64 arithmetic. An overflow aborts rather than pass on a wrong number. */
#include "tasks.h"

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    int64_t sum;
    if (__builtin_add_overflow(jp_int64(p, "n"), 1, &sum))
        return jp_abort(p, "%lld + 1 does not fit in an int64", (long long)jp_int64(p, "n"));
    return jp_return(p, sum);
}

JP_PIPE(AddTwo, p, .takes = "int64 n", .gives = "int64")
{
    jp_future one = jp_yield(p, AddOne, jp_arg(p, "n"));
    jp_future two = jp_yield(p, AddOne, one);

    return jp_return(p, two); /* that child's output becomes mine */
}

JP_PIPE(Sum, p, .takes = "int64 first, int64... more", .gives = "int64")
{
    int64_t total = jp_int64(p, "first");

    for (size_t i = 0; i < jp_count(p, "more"); i++)
        if (__builtin_add_overflow(total, jp_int64_at(p, "more", i), &total))
            return jp_abort(p, "the sum of %zu numbers does not fit in an int64", jp_count(p, "more") + 1);
    return jp_return(p, total);
}

JP_PIPE(Multiply, p, .takes = "int64 first, int64... more", .gives = "int64")
{
    int64_t product = jp_int64(p, "first");

    for (size_t i = 0; i < jp_count(p, "more"); i++)
        if (__builtin_mul_overflow(product, jp_int64_at(p, "more", i), &product))
            return jp_abort(p, "the product of %zu numbers does not fit in an int64", jp_count(p, "more") + 1);
    return jp_return(p, product);
}

JP_PIPE(Max, p, .takes = "int64 first, int64... more", .gives = "int64")
{
    int64_t max = jp_int64(p, "first");

    for (size_t i = 0; i < jp_count(p, "more"); i++)
        if (jp_int64_at(p, "more", i) > max)
            max = jp_int64_at(p, "more", i);
    return jp_return(p, max);
}

JP_PIPE(Min, p, .takes = "int64 first, int64... more", .gives = "int64")
{
    int64_t min = jp_int64(p, "first");

    for (size_t i = 0; i < jp_count(p, "more"); i++)
        if (jp_int64_at(p, "more", i) < min)
            min = jp_int64_at(p, "more", i);
    return jp_return(p, min);
}

static bool negated(int64_t n, int64_t *out)
{
    return !__builtin_sub_overflow(0, n, out);
}

/* One number: its negative. Several: the list of their negatives. */
JP_PIPE(Negate, p, .takes = "int64 first, int64... more")
{
    jp_list *list = jp_list_new(p);
    int64_t value;

    if (!negated(jp_int64(p, "first"), &value))
        return jp_abort(p, "the negative of %lld does not fit in an int64", (long long)jp_int64(p, "first"));
    if (jp_count(p, "more") == 0)
        return jp_return(p, value);
    jp_push(list, value);
    for (size_t i = 0; i < jp_count(p, "more"); i++) {
        if (!negated(jp_int64_at(p, "more", i), &value))
            return jp_abort(p, "the negative of %lld does not fit in an int64", (long long)jp_int64_at(p, "more", i));
        jp_push(list, value);
    }
    return jp_return(p, list);
}
