/* lists.c -- lists and documents made of values, and lists as sets. Sets keep the order of first appearance; two
 * members are the same if their JSON is the same, so 1 and 1.0 differ. */
#include "tasks.h"
#include <string.h>

JP_PIPE(List, p, .takes = "any... values", .gives = "list")
{
    return jp_return(p, jp_arg(p, "values"));
}

/* Every value becomes one item, even a list. */
JP_PIPE(Append, p, .takes = "any... values", .gives = "list")
{
    return jp_return(p, jp_arg(p, "values"));
}

/* The items of all lists, list after list. */
JP_PIPE(Extend, p, .takes = "list... lists", .gives = "list")
{
    jp_list *out = jp_list_new(p);

    for (size_t i = 0; i < jp_count(p, "lists"); i++)
        jp_each (p, item, jp_arg_at(p, "lists", i))
            jp_push(out, item);
    return jp_return(p, out);
}

/* ---- sets ---- */

typedef struct set {
    jp_ctx *p;
    const char **members; /* JSON; open addressing, at most half full */
    size_t room;
} set;

static set set_new(jp_ctx *p, size_t most)
{
    set s = {.p = p, .room = 16};

    while (s.room < 2 * most)
        s.room *= 2;
    s.members = jp_alloc(p, s.room * sizeof *s.members);
    return s;
}

static const char **place_of(const set *s, const char *json)
{
    uint64_t hash = 14695981039346656037u;

    for (const char *c = json; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    size_t at = (size_t)(hash ^ hash >> 32) & (s->room - 1);
    while (s->members[at] && strcmp(s->members[at], json) != 0)
        at = (at + 1) & (s->room - 1);
    return &s->members[at];
}

/* False: it was there already. */
static bool set_add(set *s, jp_value item)
{
    const char *json = jp_json(s->p, item), **place = place_of(s, json);
    const bool fresh = !*place;

    *place = json;
    return fresh;
}

static bool set_has(const set *s, jp_value item)
{
    return *place_of(s, jp_json(s->p, item)) != NULL;
}

JP_PIPE(Union, p, .takes = "list... lists", .gives = "list")
{
    jp_list *out = jp_list_new(p);
    size_t most = 0;

    for (size_t i = 0; i < jp_count(p, "lists"); i++)
        most += jp_size(p, jp_arg_at(p, "lists", i));
    set seen = set_new(p, most);
    for (size_t i = 0; i < jp_count(p, "lists"); i++)
        jp_each (p, item, jp_arg_at(p, "lists", i))
            if (set_add(&seen, item))
                jp_push(out, item);
    return jp_return(p, out);
}

/* The items that are in every list; empty for no lists. */
JP_PIPE(Intersection, p, .takes = "list... lists", .gives = "list")
{
    const size_t lists = jp_count(p, "lists");
    jp_list *out = jp_list_new(p);

    if (lists == 0)
        return jp_return(p, out);
    set *others = jp_alloc(p, lists * sizeof *others);
    for (size_t i = 1; i < lists; i++) {
        others[i] = set_new(p, jp_size(p, jp_arg_at(p, "lists", i)));
        jp_each (p, item, jp_arg_at(p, "lists", i))
            set_add(&others[i], item);
    }
    set seen = set_new(p, jp_size(p, jp_arg_at(p, "lists", 0)));
    jp_each (p, item, jp_arg_at(p, "lists", 0)) {
        bool everywhere = set_add(&seen, item);
        for (size_t i = 1; i < lists && everywhere; i++)
            everywhere = set_has(&others[i], item);
        if (everywhere)
            jp_push(out, item);
    }
    return jp_return(p, out);
}

JP_PIPE(Uniquify, p, .takes = "any... values", .gives = "list")
{
    jp_list *out = jp_list_new(p);
    set seen = set_new(p, jp_count(p, "values"));

    for (size_t i = 0; i < jp_count(p, "values"); i++)
        if (set_add(&seen, jp_arg_at(p, "values", i)))
            jp_push(out, jp_arg_at(p, "values", i));
    return jp_return(p, out);
}

/* ---- documents ---- */

/* Takes keys and values in turn. Use it to make a document of outputs: a document cannot hold futures. */
JP_PIPE(Dict, p, .takes = "any... keys_and_values", .gives = "doc")
{
    const size_t count = jp_count(p, "keys_and_values");
    jp_value *members = jp_alloc(p, (count + 1) * sizeof *members);
    set seen = set_new(p, count);

    if (count % 2)
        return jp_abort(p, "Dict takes keys and values in turn, and the last key has no value: %s",
                        jp_json(p, jp_arg_at(p, "keys_and_values", count - 1)));
    for (size_t i = 0; i < count; i++) {
        members[i] = jp_arg_at(p, "keys_and_values", i);
        if (i % 2)
            continue;
        if (members[i].type != JP_STRING)
            return jp_abort(p, "Dict: key %zu is %s, and a key is a string", i / 2 + 1, jp_json(p, members[i]));
        if (!set_add(&seen, members[i]))
            return jp_abort(p, "Dict: the key %s is given twice", jp_json(p, members[i]));
    }
    return jp_return(p, jp_object_v(p, count, members, JP_AT));
}
