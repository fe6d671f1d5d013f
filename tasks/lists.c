/* lists.c -- lists, and lists as sets: order of first appearance. */
#include "tasks.h"
#include <string.h>

JP_PIPE(List, p, .takes = "any... values", .gives = "list")
{
    return jp_return(p, jp_arg(p, "values"));
}

/* The list with the values behind it. */
JP_PIPE(Append, p, .takes = "list list, any... values", .gives = "list")
{
    jp_list *out = jp_list_new(p);
    jp_each (p, item, jp_arg(p, "list"))
        jp_push(out, item);
    for (size_t i = 0; i < jp_count(p, "values"); i++)
        jp_push(out, jp_arg_at(p, "values", i));
    return jp_return(p, out);
}

/* All lists, one behind the other. */
JP_PIPE(Extend, p, .takes = "list... lists", .gives = "list")
{
    jp_list *out = jp_list_new(p);
    for (size_t i = 0; i < jp_count(p, "lists"); i++)
        jp_each (p, item, jp_arg_at(p, "lists", i))
            jp_push(out, item);
    return jp_return(p, out);
}

/* ---- sets: members are the same when their JSON is ---- */

typedef struct set {
    const char **members;
    size_t count;
} set;

static bool holds(const set *s, const char *json)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->members[i], json) == 0)
            return true;
    return false;
}

static void add_new(jp_ctx *p, set *s, jp_list *out, jp_value item)
{
    const char *json = jp_json(p, item);
    if (holds(s, json))
        return;
    s->members[s->count++] = json;
    jp_push(out, item);
}

static set set_for(jp_ctx *p, size_t members)
{
    return (set){jp_alloc(p, (members + 1) * sizeof(char *)), 0};
}

JP_PIPE(Union, p, .takes = "list... lists", .gives = "list")
{
    jp_list *out = jp_list_new(p);
    size_t members = 0;
    for (size_t i = 0; i < jp_count(p, "lists"); i++)
        members += jp_size(p, jp_arg_at(p, "lists", i));
    set seen = set_for(p, members);
    for (size_t i = 0; i < jp_count(p, "lists"); i++)
        jp_each (p, item, jp_arg_at(p, "lists", i))
            add_new(p, &seen, out, item);
    return jp_return(p, out);
}

JP_PIPE(Intersection, p, .takes = "list... lists", .gives = "list")
{
    jp_list *out = jp_list_new(p);
    size_t lists = jp_count(p, "lists");

    if (lists == 0)
        return jp_return(p, out);
    set seen = set_for(p, jp_size(p, jp_arg_at(p, "lists", 0)));
    jp_each (p, item, jp_arg_at(p, "lists", 0)) {
        bool everywhere = true;
        const char *json = jp_json(p, item);
        for (size_t i = 1; i < lists && everywhere; i++) {
            everywhere = false;
            jp_each (p, other, jp_arg_at(p, "lists", i))
                everywhere |= strcmp(jp_json(p, other), json) == 0;
        }
        if (everywhere)
            add_new(p, &seen, out, item);
    }
    return jp_return(p, out);
}

JP_PIPE(Uniquify, p, .takes = "any... values", .gives = "list")
{
    jp_list *out = jp_list_new(p);
    set seen = set_for(p, jp_count(p, "values"));
    for (size_t i = 0; i < jp_count(p, "values"); i++)
        add_new(p, &seen, out, jp_arg_at(p, "values", i));
    return jp_return(p, out);
}
