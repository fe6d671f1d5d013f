/* args.c -- jp_int64() and its sisters: the arguments of an attempt, by the names in .takes. The arguments have been
 * checked against the signature before the body began, so a getter only has to be asked for what the signature says. */
#include "body/args.h"
#include "body/signature.h"
#include "core/doc.h"
#include <string.h>

bool jpx_args_open(jp_ctx *p)
{
    bson_iter_t iter;
    size_t i = 0;

    if (!p->attempt->args.size)
        return true; /* some hooks have none */
    if (!bson_iter_init_from_data(&iter, p->attempt->args.data, p->attempt->args.size))
        return false;
    while (i < p->pipe->takes_count && bson_iter_next(&iter)) {
        if (!jpx_value_read(&iter, &p->args[i].value))
            return false;
        p->args[i++].there = true;
    }
    return true;
}

/* The parameter of that name, or NULL and the attempt is marked. */
static jpx_arg *find(jp_ctx *p, const char *name, const jpx_param **param, const char *at)
{
    for (size_t i = 0; i < p->pipe->takes_count; i++) {
        if (strcmp(p->pipe->takes[i].name, name) == 0) {
            *param = &p->pipe->takes[i];
            if (p->args[i].there)
                return &p->args[i];
            jpx_wrong(p, at, "args.%s cannot be read in this hook: read it in the body", name);
            return NULL;
        }
    }
    jpx_wrong(p, at, "args.%s is not named by .takes = \"%s\": read a name that is, or add this one", name,
              jpx_signature_text(p->pipe, p->arena));
    return NULL;
}

/* "args.n is null, not an int64: ask jp_given first" */
static void other_value(jp_ctx *p, const char *what, jp_value value, jpx_kind declared, jpx_kind wanted, const char *at)
{
    if (value.type == JP_NULL)
        jpx_wrong(p, at, "%s is null, not %s: ask %s first", what, jpx_kind_phrase(wanted),
                  declared == JPX_ANY ? "what type it has" : "jp_given");
    else
        jpx_wrong(p, at, "%s is %s, not %s: declare it \"%s\", or ask what type it has first", what,
                  jpx_type_phrase(value.type), jpx_kind_phrase(wanted), jpx_kind_text(wanted));
}

static bool read_typed(jp_ctx *p, const char *name, jpx_kind wanted, jp_value *out, const char *at)
{
    const jpx_param *param;
    jpx_arg *arg = find(p, name, &param, at);

    if (!arg)
        return false;
    *out = arg->value;
    if (param->rest) {
        jpx_wrong(p, at, "args.%s is a list, not %s: ask for its items with jp_count and jp_..._at", name,
                  jpx_kind_phrase(wanted));
    } else if (param->kind != JPX_ANY && param->kind != wanted && !(wanted == JPX_DOC && param->kind == JPX_LIST)) {
        jpx_wrong(p, at, "args.%s is %s, not %s: read it with %s", name, jpx_kind_phrase(param->kind),
                  jpx_kind_phrase(wanted), jpx_getter(jpx_kind_text(param->kind), p->arena));
    } else if (!jpx_value_suits(arg->value, wanted)) {
        other_value(p, jpx_format(p->arena, "args.%s", name), arg->value, param->kind, wanted, at);
    } else {
        return true;
    }
    return false;
}

/* A list argument; false, and the attempt is marked, when it is none. Null has no items. */
static jpx_arg *find_list(jp_ctx *p, const char *name, const jpx_param **param, const char *at)
{
    jpx_arg *arg = find(p, name, param, at);
    bson_iter_t iter;

    if (!arg)
        return NULL;
    if (arg->value.type != JP_ARRAY && arg->value.type != JP_NULL) {
        jpx_wrong(p, at, "args.%s is %s, not a list: read it with %s", name, jpx_type_phrase(arg->value.type),
                  jpx_getter(jpx_type_text(arg->value.type), p->arena));
        return NULL;
    }
    if (arg->offsets || arg->value.type == JP_NULL)
        return arg;

    size_t cap = 16;
    arg->offsets = jpx_alloc_array(p->arena, cap, sizeof *arg->offsets);
    if (bson_iter_init_from_data(&iter, arg->value.as.doc.data, arg->value.as.doc.size))
        while (bson_iter_next(&iter))
            JPX_PUSH(p->arena, arg->offsets, arg->count, cap) = bson_iter_offset(&iter);
    return arg;
}

static bool item_value(jp_ctx *p, const char *name, size_t i, const jpx_param **param, jp_value *out, const char *at)
{
    const jpx_arg *arg = find_list(p, name, param, at);
    bson_iter_t iter;

    if (!arg)
        return false;
    if (i >= arg->count) {
        jpx_wrong(p, at, "args.%s has %zu item%s, item %zu was asked for: they count from 0, ask jp_count first", name,
                  arg->count, arg->count == 1 ? "" : "s", i);
        return false;
    }
    const jp_doc array = arg->value.as.doc;
    return bson_iter_init_from_data_at_offset(&iter, array.data, array.size, arg->offsets[i], 0) &&
           jpx_value_read(&iter, out);
}

static bool item_typed(jp_ctx *p, const char *name, size_t i, jpx_kind wanted, jp_value *out, const char *at)
{
    const jpx_param *param;

    if (!item_value(p, name, i, &param, out, at))
        return false;
    if (param->rest && param->kind != JPX_ANY && param->kind != wanted &&
        !(wanted == JPX_DOC && param->kind == JPX_LIST))
        jpx_wrong(p, at, "args.%s.%zu is %s, not %s: read it with %s_at", name, i, jpx_kind_phrase(param->kind),
                  jpx_kind_phrase(wanted), jpx_getter(jpx_kind_text(param->kind), p->arena));
    else if (!jpx_value_suits(*out, wanted))
        jpx_wrong(p, at, "args.%s.%zu is %s, not %s: read it with %s_at, or ask jp_arg_at what type it has first", name,
                  i, jpx_type_phrase(out->type), jpx_kind_phrase(wanted),
                  jpx_getter(jpx_type_text(out->type), p->arena));
    else
        return true;
    return false;
}

#define GETTER(suffix, type, kind, member, zero)                                                                       \
    type jp_read_##suffix(jp_ctx *p, const char *name, const char *at)                                                 \
    {                                                                                                                  \
        jp_value v;                                                                                                    \
        return read_typed(p, name, kind, &v, at) ? member : zero;                                                      \
    }                                                                                                                  \
    type jp_item_##suffix(jp_ctx *p, const char *name, size_t i, const char *at)                                       \
    {                                                                                                                  \
        jp_value v;                                                                                                    \
        return item_typed(p, name, i, kind, &v, at) ? member : zero;                                                   \
    }
JPX_GETTER_MAP(GETTER)
#undef GETTER

jp_value jp_read_arg(jp_ctx *p, const char *name, const char *at)
{
    const jpx_param *param;
    const jpx_arg *arg = find(p, name, &param, at);
    return arg ? arg->value : jp_v_null();
}

bool jp_read_given(jp_ctx *p, const char *name, const char *at)
{
    return jp_read_arg(p, name, at).type != JP_NULL;
}

size_t jp_read_count(jp_ctx *p, const char *name, const char *at)
{
    const jpx_param *param;
    const jpx_arg *arg = find_list(p, name, &param, at);
    return arg ? arg->count : 0;
}

jp_value jp_item_arg(jp_ctx *p, const char *name, size_t i, const char *at)
{
    const jpx_param *param;
    jp_value value;
    return item_value(p, name, i, &param, &value, at) ? value : jp_v_null();
}

bool jpx_type_holds(const char *type, jpx_bytes value_doc, const char **given)
{
    bson_iter_t iter;
    jp_value value;
    jpx_kind kind;
    bool optional;
    jp_error err;

    if (jpx_gives_parse(type, &kind, &optional, &err) != JP_OK || !jpx_value_iter(value_doc, &iter))
        return true;
    *given = jpx_value_read(&iter, &value) ? jpx_type_text(value.type) : "another BSON type";
    return jpx_kind_accepts(kind, bson_iter_type(&iter)) || (optional && bson_iter_type(&iter) == BSON_TYPE_NULL);
}

/* ---- before a body runs ---- */

/* What is given to a body that runs was checked at its yield; what was not known there is what a pipe without .gives
 * returns, or an older program that yielded it. */
#define UNTYPED ": say in .gives what the pipe returns that it comes from, or change .takes"
#define OLDER   ": .takes was changed while it waited, give new arguments a \"?\" or start it again"

static jp_status check_items(const jpx_pipe *pipe, const jpx_param *param, const bson_iter_t *list, jp_error *err)
{
    bson_iter_t item;
    jp_value value;
    size_t i = 0;

    if (bson_iter_type(list) != BSON_TYPE_ARRAY || !bson_iter_recurse(list, &item))
        return jpx_fail(err, JP_E_INVALID, "%s wants a list of %s for %s... %s" OLDER, pipe->name,
                        jpx_kind_text(param->kind), jpx_kind_text(param->kind), param->name);
    for (; bson_iter_next(&item); i++)
        if (!jpx_kind_accepts(param->kind, bson_iter_type(&item)))
            return jpx_fail(err, JP_E_INVALID, "%s wants %s... %s, is given %s as item %zu" UNTYPED, pipe->name,
                            jpx_kind_text(param->kind), param->name,
                            jpx_value_read(&item, &value) ? jpx_type_text(value.type) : "another BSON type", i);
    return JP_OK;
}

jp_status jpx_args_check(const jpx_pipe *pipe, jpx_bytes args, jp_error *err)
{
    bson_iter_t iter;
    jp_value value;
    jp_status status;

    if (!args.data || !bson_iter_init_from_data(&iter, args.data, args.size))
        return jpx_fail(err, JP_E_DAMAGED, "the arguments of %s are not a BSON array", pipe->name);
    for (size_t i = 0; i < pipe->takes_count; i++) {
        const jpx_param *param = &pipe->takes[i];
        if (!bson_iter_next(&iter))
            return jpx_fail(err, JP_E_INVALID, "%s takes %zu arguments, is given %zu" OLDER, pipe->name,
                            pipe->takes_count, i);
        const size_t size =
            iter.next_off - iter.off; /* a list of outputs may have grown beyond what each of them has */
        if (size > JPX_VALUE_MAX + JPX_ENVELOPE)
            return jpx_fail(err, JP_E_TOO_LARGE,
                            "argument %s of %s is larger than 8 MiB (%zu bytes): " JPX_TOO_LARGE_MEND, param->name,
                            pipe->name, size);
        if (param->rest) {
            if ((status = check_items(pipe, param, &iter, err)) != JP_OK)
                return status;
        } else if (!(param->optional && bson_iter_type(&iter) == BSON_TYPE_NULL) &&
                   !jpx_kind_accepts(param->kind, bson_iter_type(&iter))) {
            return jpx_fail(err, JP_E_INVALID, "%s wants %s%s %s, is given %s" UNTYPED, pipe->name,
                            jpx_kind_text(param->kind), param->optional ? "?" : "", param->name,
                            jpx_value_read(&iter, &value) ? jpx_type_text(value.type) : "another BSON type");
        }
    }
    if (bson_iter_next(&iter))
        return jpx_fail(err, JP_E_INVALID, "%s takes %zu arguments, is given more" OLDER, pipe->name,
                        pipe->takes_count);
    return JP_OK;
}
