/* logic.c -- logic on bools. For no values, All and Any are false. */
#include "tasks.h"

JP_PIPE(All, p, .takes = "bool... values", .gives = "bool")
{
    for (size_t i = 0; i < jp_count(p, "values"); i++)
        if (!jp_bool_at(p, "values", i))
            return jp_return(p, (bool)false);
    return jp_return(p, (bool)(jp_count(p, "values") > 0));
}

JP_PIPE(Any, p, .takes = "bool... values", .gives = "bool")
{
    for (size_t i = 0; i < jp_count(p, "values"); i++)
        if (jp_bool_at(p, "values", i))
            return jp_return(p, (bool)true);
    return jp_return(p, (bool)false);
}

/* One value: its complement. None or several: the list of all complements. */
JP_PIPE(Complement, p, .takes = "bool... values")
{
    jp_list *list = jp_list_new(p);

    if (jp_count(p, "values") == 1)
        return jp_return(p, (bool)!jp_bool_at(p, "values", 0));
    for (size_t i = 0; i < jp_count(p, "values"); i++)
        jp_push(list, (bool)!jp_bool_at(p, "values", i));
    return jp_return(p, list);
}
