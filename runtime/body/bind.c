/* bind.c -- the arguments of a call, as given, become the arguments that a pipe takes: an array document with one
 * element for each parameter, and references for what futures will fill. Used by yields, and by clients outside of a
 * body. */
#include "body/context.h"
#include "body/signature.h"
#include <string.h>

struct source { /* what was given, in order */
    const jp_value *values;
    size_t count, next;
    jpx_list_cursor list;
    bool is_list;
};

struct binder {
    jp_ctx *p; /* NULL: no futures */
    const jpx_pipe *pipe;
    const char *at;
    jpx_arena *arena;
    jpx_writer *w;
    struct source source;
    size_t refs_cap;
    jpx_bound out;
};

static bool wrong(struct binder *b, const char *mend, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static bool wrong(struct binder *b, const char *mend, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (!b->out.wrong) {
        b->out.wrong = jpx_vformat(b->arena, fmt, args);
        b->out.mend = mend;
    }
    va_end(args);
    return false;
}

static bool mismatch(struct binder *b, const jpx_param *param, const char *given, const char *pass)
{
    return wrong(b, jpx_format(b->arena, "%s, or change .takes of %s", pass, b->pipe->name), "%s wants %s, is given %s",
                 b->pipe->name, jpx_param_text(param, b->arena), given);
}

/* The next piece of what was given: 1 when there is one, 0 at the end, -1 when it is a future that cannot be used. */
static int next_piece(struct binder *b, uint32_t most, jpx_piece *piece)
{
    struct source *s = &b->source;

    if (s->is_list)
        return jpx_list_next(&s->list, most, piece);
    if (s->next == s->count)
        return 0;
    *piece = (jpx_piece){.value = s->values[s->next++], .count = 1};
    if (piece->value.type == JP_FUTURE) {
        const jp_future future = piece->value.as.future;
        if (!b->p) {
            wrong(b, "pass a value", "%s is given a future, which exists in bodies only", b->pipe->name);
            return -1;
        }
        if (!jpx_future_check(b->p, future, b->at))
            return -1;
        piece->futures = true;
        piece->child = future.child_;
        piece->slot = jpx_future_slot(b->p, future);
    }
    return 1;
}

static void add_ref(struct binder *b, jpx_ref ref)
{
    jpx_bound *out = &b->out;
    jpx_ref *last = out->refs_count ? &out->refs[out->refs_count - 1] : NULL;

    if (last && last->arg == ref.arg && ref.at != JPX_WHOLE && last->at != JPX_WHOLE &&
        last->at + last->count == ref.at && last->child + last->count == ref.child && strcmp(last->slot, ref.slot) == 0)
        last->count += ref.count;
    else
        JPX_PUSH(b->arena, out->refs, out->refs_count, b->refs_cap) = ref;
}

/* May every one of these futures stand where `param` (or an item of it) is wanted? */
static bool check_futures(struct binder *b, const jpx_param *param, const jpx_piece *piece)
{
    const jpx_pipe *checked = NULL;

    if (param->kind == JPX_ANY)
        return true;
    for (uint32_t i = 0; i < piece->count; i++) {
        const jpx_planned *child = jpx_child_at(b->p, piece->child + i);
        bool optional;
        if (child->pipe == checked) /* a run has one slot, and mostly one pipe */
            continue;
        checked = child->pipe;
        jpx_kind kind = jpx_slot_kind(b->p, piece->child + i, piece->slot, &optional);
        if (kind != JPX_ANY && kind != param->kind && !(param->kind == JPX_DOUBLE && kind == JPX_INT64))
            return mismatch(
                b, param, jpx_kind_text(kind),
                jpx_format(b->arena, "pass the future of a pipe that gives %s", jpx_kind_text(param->kind)));
    }
    return true;
}

static bool check_literal(struct binder *b, const jpx_param *param, jp_value value)
{
    if (value.type == JP_NULL && param->optional)
        return true;
    if (jpx_kind_takes(param->kind, value.type))
        return true;
    return mismatch(b, param, jpx_type_text(value.type), jpx_pass_phrase(param->kind, value.type, b->arena));
}

static void put_literal(struct binder *b, const char *key, jpx_kind kind, jp_value value)
{
    if (kind == JPX_DOUBLE && value.type == JP_INT64)
        value = jp_v_double((double)value.as.i64);
    jpx_write_value(b->w, key, value);
}

/* A list that is one argument: its literals stand in the document, its futures become references. */
static void put_list(struct binder *b, uint32_t arg, const char *key, const jp_list *list)
{
    jpx_write_document(b->w, key, BSON_TYPE_ARRAY, jpx_list_literals(list, b->arena));
    for (size_t i = 0; i < list->runs_count; i++) {
        const jpx_run *run = &list->runs[i];
        add_ref(b, (jpx_ref){arg, run->at, run->child, run->count, run->slot});
    }
}

static bool wrong_count(struct binder *b)
{
    size_t given = b->source.is_list ? b->source.list.at : b->source.next;
    return wrong(b, "pass one for each of them, in that order", "%s takes (%s), is given %zu argument%s", b->pipe->name,
                 jpx_signature_text(b->pipe, b->arena), given, given == 1 ? "" : "s");
}

static bool bind_one(struct binder *b, uint32_t arg, const jpx_param *param, const char *key)
{
    jpx_piece piece;
    int got = next_piece(b, 1, &piece);

    if (got < 0)
        return false;
    if (got == 0) {
        if (!param->optional)
            return wrong_count(b);
        jpx_write_null(b->w, key);
        return true;
    }
    if (piece.futures) {
        if (!check_futures(b, param, &piece))
            return false;
        jpx_write_null(b->w, key);
        add_ref(b, (jpx_ref){arg, JPX_WHOLE, piece.child, 1, piece.slot});
        return true;
    }
    if (!check_literal(b, param, piece.value))
        return false;
    if (piece.value.type == JP_LIST)
        put_list(b, arg, key, piece.value.as.list);
    else
        put_literal(b, key, param->kind, piece.value);
    return true;
}

static bool bind_rest(struct binder *b, uint32_t arg, const jpx_param *param, const char *key)
{
    char index[JPX_INDEX_TEXT];
    size_t literals = 0;
    uint32_t at = 0;
    jpx_piece piece;
    int got;
    size_t begun = jpx_write_begin(b->w, BSON_TYPE_ARRAY, key);

    while ((got = next_piece(b, UINT32_MAX, &piece)) > 0) {
        if (piece.futures) {
            if (!check_futures(b, param, &piece))
                return false;
            add_ref(b, (jpx_ref){arg, at, piece.child, piece.count, piece.slot});
        } else {
            if (!check_literal(b, param, piece.value))
                return false;
            put_literal(b, jpx_index_text(index, literals++), param->kind, piece.value);
        }
        at += piece.count;
    }
    jpx_write_end(b->w, begun);
    return got == 0;
}

static bool bind_all(struct binder *b)
{
    const jpx_pipe *pipe = b->pipe;
    char index[JPX_INDEX_TEXT];
    jpx_piece extra;
    bool rest = false;
    size_t begun = jpx_write_begin(b->w, BSON_TYPE_ARRAY, NULL);

    for (size_t i = 0; i < pipe->takes_count; i++) {
        const jpx_param *param = &pipe->takes[i];
        const char *key = jpx_index_text(index, i);
        const size_t before = b->w->size;
        rest = param->rest;
        if (!(rest ? bind_rest : bind_one)(b, (uint32_t)i, param, key))
            return false;
        if (!b->w->bad && b->w->size - before > JPX_VALUE_MAX + JPX_ENVELOPE)
            b->w->bad =
                jpx_format(b->arena, "is larger than 8 MiB (%zu bytes): " JPX_TOO_LARGE_MEND, b->w->size - before);
        if (b->w->bad && !b->out.unstorable)
            b->out.unstorable = jpx_format(b->arena, "argument %s of %s %s", param->name, pipe->name, b->w->bad);
    }
    if (!rest) {
        int got = next_piece(b, 1, &extra);
        if (got < 0)
            return false;
        if (got > 0) { /* count them all, for the message */
            while (next_piece(b, 1, &extra) > 0)
                ;
            return wrong_count(b);
        }
    }
    jpx_write_end(b->w, begun);
    return true;
}

jpx_bound jpx_bind(jp_ctx *p, const jpx_pipe *pipe, size_t count, const jp_value *values, const jp_list *list,
                   const char *at, jpx_arena *arena)
{
    jpx_writer own;
    struct binder b = {.p = p, .pipe = pipe, .at = at, .arena = arena, .w = p ? &p->scratch : &own};

    if (!p)
        jpx_writer_init(&own, arena);
    b.w->size = 0;
    b.w->bad = NULL;
    b.source.values = values;
    b.source.count = count;
    if (list) {
        b.source.is_list = true;
        jpx_list_cursor_init(&b.source.list, list);
    }
    if (bind_all(&b)) {
        jpx_bytes args = jpx_writer_bytes(b.w);
        b.out.args = jpx_copy(arena, args.data, args.size);
    } else if (!b.out.wrong) { /* a future that cannot be used: the attempt is marked already */
        b.out.wrong = "";
    }
    return b.out;
}
